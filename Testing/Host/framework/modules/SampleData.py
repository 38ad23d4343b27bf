"""``SampleData``: data sets that modules register and users load with one click."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

__all__ = [
    "SampleDataLogic",
    "SampleDataSource",
    "downloadFromURL",
    "downloadSample",
    "downloadSamples",
]


class SampleDataSource:
    """One data set: files to download, to check and to load.

    Raises:
        ValueError: when there are not as many file names, node names, ... as addresses.
    """

    def __init__(
        self,
        sampleName: str | None = None,
        sampleDescription: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        checksums: Any = None,
        loadFiles: Any = None,
        customDownloader: Callable[..., Any] | None = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFileProperties: dict[str, Any] | None = None,
        loadFileType: Any = None,
    ) -> None:
        single = isinstance(uris, str)
        count = 1 if single else len(uris or ())

        def each(values: Any) -> list[Any]:
            if single:
                return [values]
            return [values] * count if values is None or isinstance(values, str) else list(values)

        self.sampleName = sampleName
        self.sampleDescription = sampleDescription or sampleName
        self.uris = [uris] if single else uris
        self.fileNames = [fileNames] if single else fileNames
        self.nodeNames = each(nodeNames)
        self.checksums = each(checksums)
        self.loadFiles = each(loadFiles)
        self.loadFileTypes = each(loadFileTypes if loadFileTypes is not None else loadFileType)
        self.loadFileProperties = loadFileProperties or {}
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName
        lists = (self.fileNames, self.nodeNames, self.checksums, self.loadFiles, self.loadFileTypes)
        if any(len(values or ()) != count for values in lists):
            raise ValueError("All fields of sample data source must have the same length")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampleDataSource) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


def _registry(name: str) -> Any:
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)


class SampleDataLogic:
    """The registered data sets, and their download."""

    def __init__(self, logMessage: Callable[..., None] | None = None) -> None:
        self.logMessage = logMessage or (lambda text, level=logging.DEBUG: logging.log(level, text))
        _registry("sampleDataSources")

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        _registry("sampleDataSourceCategories").setdefault(category, {})["title"] = title

    @staticmethod
    def categoryTitle(category: str) -> str:
        title = _registry("sampleDataSourceCategories").get(category, {}).get("title", category)
        return str(title)

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **options: Any) -> None:
        source = SampleDataSource(**options)
        sources = _registry("sampleDataSources").setdefault(category, [])
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        sources = _registry("sampleDataSources")
        return sources if category is None else sources.get(category, [])

    @staticmethod
    def isSampleDataSourceRegistered(category: str, sampleDataSource: SampleDataSource) -> bool:
        return sampleDataSource in _registry("sampleDataSources").get(category, [])

    def sourceForSampleName(self, sampleName: str) -> SampleDataSource | None:
        for sources in _registry("sampleDataSources").values():
            for source in sources:
                if source.sampleName == sampleName:
                    return source
        return None

    def categoryForSource(self, source: SampleDataSource) -> str | None:
        for category, sources in _registry("sampleDataSources").items():
            if source in sources:
                return str(category)
        return None

    def downloadFileIntoCache(
        self, uri: str, name: str, checksum: str | None = None, forceDownload: bool = False
    ) -> str:
        folder = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        if forceDownload:
            path.unlink(missing_ok=True)
        if not slicer.util.downloadFile(uri, str(path), checksum):
            raise ValueError(f"download of {uri} failed")
        return str(path)

    def downloadFromSource(
        self, source: SampleDataSource, maximumAttemptsCount: int = 3, forceDownload: bool = False
    ) -> list[Any]:
        """Download a data set and load it; the nodes, or the paths of what is not loaded."""
        results: list[Any] = []
        for index, uri in enumerate(source.uris):
            name = source.fileNames[index]
            path = self.downloadFileIntoCache(uri, name, source.checksums[index], forceDownload)
            node_name, load = source.nodeNames[index], source.loadFiles[index]
            if node_name is None and all(n is None for n in source.nodeNames):
                node_name = Path(name).stem
            kind = source.loadFileTypes[index]
            if load is False or node_name is None:
                results.append(path)
                continue
            properties = {**source.loadFileProperties, "name": node_name}
            results.append(slicer.util.loadNodeFromFile(path, kind, properties))
        return results

    def downloadFromURL(self, **options: Any) -> list[Any]:
        force = options.pop("forceDownload", False)
        return self.downloadFromSource(SampleDataSource(**options), forceDownload=force)

    def downloadSamples(self, sampleName: str) -> list[Any]:
        """Load a data set; a custom downloader is called by the panel of Sample Data only."""
        source = self.sourceForSampleName(sampleName)
        return [] if source is None else self.downloadFromSource(source)

    def downloadSample(self, sampleName: str) -> Any:
        return self.downloadSamples(sampleName)[0]


def downloadFromURL(**options: Any) -> list[Any]:
    return SampleDataLogic().downloadFromURL(**options)


def downloadSample(sampleName: str) -> Any:
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName: str) -> list[Any]:
    return SampleDataLogic().downloadSamples(sampleName)
