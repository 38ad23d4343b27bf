"""Modules of MONAI without the rest of MONAI, which is complete for all others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib import _monai

LIBRARY = Path(_monai.__file__).parents[2]

# A MONAI in small: each __init__ imports all that lies beside it, and notes that it ran.
SMALL = {
    "log.py": "ran = []\n",
    "heavy/__init__.py": "import log; log.ran.append('heavy')\nclass Frame: pass\n",
    "pandas/__init__.py": "import log; log.ran.append('pandas')\nclass DataFrame: pass\n",
    "monai/__init__.py": """
        import log; log.ran.append("monai")
        from .utils.module import all_of
        from ._version import version
        __version__ = version
        all_of(__name__, __path__)
        """,
    "monai/_version.py": "version = 'of the __init__'\n",
    "monai/utils/__init__.py": """
        import log; log.ran.append("monai.utils")
        from .misc import Tensor, is_meta
        from .module import optional_import
        from .tables import read
        """,
    "monai/utils/module.py": """
        import pkgutil
        from importlib import import_module
        def optional_import(module, version="", name=""):
            try:
                found = import_module(module)
                return (getattr(found, name) if name else found), True
            except ImportError:
                return None, False
        def all_of(name, path):
            for info in pkgutil.walk_packages(path, f"{name}."):
                if not info.name.endswith("excluded"):
                    import_module(info.name)
        """,
    "monai/utils/misc.py": """
        import monai
        class Tensor: pass
        def is_meta(x):
            return isinstance(x, monai.data.MetaTensor)
        """,
    "monai/utils/tables.py": """
        from monai.data import utils
        from monai.utils import optional_import
        pandas, has_pandas = optional_import("pandas")
        DataFrame, _ = optional_import("pandas", name="DataFrame")
        skimage, has_skimage = optional_import("skimage", "0.14")
        def read(x):
            return isinstance(x, DataFrame), pandas.DataFrame()
        """,
    "monai/nets/__init__.py": """
        import log; log.ran.append("monai.nets")
        from .unet import UNet, UNet as Unet
        from .bert import Bert
        """,
    "monai/nets/unet.py": """
        import log; log.ran.append("monai.nets.unet")
        from monai.utils import Tensor
        class UNet(Tensor): pass
        """,
    "monai/nets/bert.py": "import heavy\nclass Bert(heavy.Frame): pass\n",
    "monai/nets/needs_all.py": "from monai.data import only_in_init\nclass Net: pass\n",
    "monai/nets/version.py": "from monai import __version__\n",
    "monai/data/__init__.py": """
        import log; log.ran.append("monai.data")
        from .meta import MetaTensor
        only_in_init = 1
        """,
    "monai/data/meta.py": "from monai.utils.misc import Tensor\nclass MetaTensor(Tensor): pass\n",
    "monai/data/utils.py": "",
    "monai/bundle/__init__.py": """
        import sys
        known = [name for name in sys.modules if name.startswith("monai.")]
        """,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the small MONAI."""
    folder = tmp_path_factory.mktemp("small")
    for name, text in SMALL.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip())
    distribution = folder / "monai-1.2.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: monai\nVersion: 1.2\n")
    return folder


def run(code: str, *folders: Path) -> Any:
    """Run code in a new Python and return the JSON that it prints last."""
    path = os.pathsep.join(str(folder) for folder in (*folders, LIBRARY))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


ALONE = """
import json, sys, log
from SlicerLDMRegLib._monai.sleeping import import_alone
UNet = import_alone("monai.nets.unet").UNet
alone = list(log.ran)
"""


def test_a_module_alone_runs_no_init_and_imports_nothing_else(small: Path) -> None:
    code = """
    modules = sorted(name for name in sys.modules if name.startswith("monai"))
    print(json.dumps([alone, modules, "heavy" in sys.modules, UNet.__mro__[1].__module__]))
    """
    ran, modules, heavy, base = run(ALONE + textwrap.dedent(code), small)
    assert ran == ["monai.nets.unet"] and not heavy and base == "monai.utils.misc"
    # No package is left that only seems to be imported.
    assert modules == [
        "monai.nets.unet",
        "monai.utils.misc",
        "monai.utils.module",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "import monai",
        "import monai.nets",
        "import monai.nets.unet",
        "from monai.nets import Bert",
        "from monai.nets import *",
        "from monai.nets.bert import Bert",
        "from monai import nets",
        "from monai.bundle import known",
        "import importlib; importlib.import_module('monai.data')",
    ],
)
def test_whoever_imports_monai_later_gets_all_of_it_once(small: Path, statement: str) -> None:
    check = """
    import monai
    modules = {name: module for name, module in sys.modules.items() if name[:5] == "monai"}
    print(json.dumps({
        "ran": sorted(log.ran),
        "version": monai.__version__,
        "same": monai.nets.UNet is monai.nets.Unet is monai.nets.unet.UNet is UNet,
        "base": UNet.__mro__[1] is monai.utils.Tensor,
        "own": monai.data.only_in_init,
        "modules": sorted(modules),
        "types": sorted({type(module).__name__ for module in modules.values()}),
        "loaders": sorted({type(module.__loader__).__name__ for module in modules.values()}),
        "specs": sorted({type(module.__spec__.loader).__name__ for module in modules.values()}),
        "finders": [type(finder).__module__ for finder in sys.meta_path],
        "bundle": len(monai.bundle.known) > 10,
        "optional": type(monai.utils.tables.optional_import).__name__,
        "frame": monai.utils.tables.DataFrame.__module__,
    }))
    """
    check = textwrap.dedent(check)
    found = run(ALONE + "import_alone('monai.utils.tables')\n" + statement + check, small)
    plain = run("import json, sys, log\nfrom monai.nets.unet import UNet" + check, small)
    assert found == plain
    assert found["ran"].count("monai.nets.unet") == found["ran"].count("monai") == 1


def test_code_of_monai_that_runs_later_finds_its_names_and_wakes_nothing(small: Path) -> None:
    code = """
    is_meta = sys.modules["monai.utils.misc"].is_meta
    other = is_meta(UNet())
    MetaTensor = import_alone("monai.data.meta").MetaTensor
    print(json.dumps([is_meta(MetaTensor()), other, "monai" in sys.modules, log.ran]))
    """
    meta, other, awake, ran = run(ALONE + textwrap.dedent(code), small)
    assert meta and not other and not awake and ran == ["monai.nets.unet"]


def test_a_module_that_cannot_be_imported_alone_brings_all_of_monai(small: Path) -> None:
    code = """
    Net = import_alone("monai.nets.needs_all").Net
    import monai
    print(json.dumps([log.ran.count("monai"), "heavy" in log.ran, monai.nets.UNet is UNet]))
    """
    assert run(ALONE + textwrap.dedent(code), small) == [1, True, True]


def test_the_version_of_monai_is_known_while_it_sleeps(small: Path) -> None:
    code = "print(json.dumps([import_alone('monai.nets.version').__version__, log.ran]))"
    assert run(ALONE + code, small) == ["1.2", ["monai.nets.unet"]]


def test_a_monai_that_is_imported_already_is_used(small: Path) -> None:
    code = """
    import json, sys, log
    import monai
    ran, finders = list(log.ran), list(sys.meta_path)
    from SlicerLDMRegLib._monai.sleeping import import_alone
    same = import_alone("monai.nets.unet") is monai.nets.unet
    print(json.dumps([same, ran == log.ran, finders == sys.meta_path]))
    """
    assert run(code, small) == [True, True, True]


def test_without_monai_the_error_is_that_of_import(tmp_path: Path) -> None:
    code = """
    import json, sys
    sys.path[:] = [p for p in sys.path if "site-packages" not in p]
    from SlicerLDMRegLib._monai.sleeping import import_alone
    try:
        import_alone("monai.nets.unet")
    except ModuleNotFoundError as error:
        print(json.dumps(error.name))
    """
    assert run(code, tmp_path) == "monai"


def test_an_init_that_fails_can_be_tried_again(small: Path) -> None:
    code = """
    sys.modules["heavy"] = None
    try:
        import monai
    except ImportError as error:
        failed = error.name
    del sys.modules["heavy"]
    again = import_alone("monai.nets.unet").UNet is UNet
    import monai
    same = monai.nets.UNet is UNet and sys.modules["monai.utils.misc"].monai is monai
    print(json.dumps([failed, again, same, monai.__version__]))
    """
    assert run(ALONE + textwrap.dedent(code), small) == ["heavy", True, True, "of the __init__"]


def test_a_reloaded_library_goes_on_with_the_packages_that_sleep(small: Path) -> None:
    code = """
    for name in [name for name in sys.modules if name.startswith("SlicerLDMRegLib")]:
        del sys.modules[name]
    from SlicerLDMRegLib._monai.sleeping import import_alone as again
    again("monai.data.meta")
    import monai
    same = monai.nets.unet.UNet is UNet and monai.utils.is_meta(monai.data.MetaTensor())
    same = same and sys.modules["monai"] is sys.modules["monai.utils.misc"].monai is monai
    print(json.dumps([again is not import_alone, same, log.ran.count("monai.data")]))
    """
    assert run(ALONE + textwrap.dedent(code), small) == [True, True, 1]


def test_threads_that_import_parts_of_monai_at_once(small: Path) -> None:
    code = """
    import json, sys, threading, log
    from SlicerLDMRegLib._monai.sleeping import import_alone
    sys.setswitchinterval(1e-6)
    names = ("nets.unet", "data.meta", "utils.misc", "utils.tables") * 4
    start, found, errors = threading.Barrier(len(names)), {}, []
    def work(name):
        start.wait()
        try:
            found.setdefault(name, set()).add(import_alone(f"monai.{name}"))
        except BaseException as error:
            errors.append(repr(error))
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    alone = list(log.ran)
    import monai
    once = all(len(modules) == 1 for modules in found.values())
    print(json.dumps([errors, alone, once, monai.nets.unet in found["nets.unet"]]))
    """
    assert run(code, small) == [[], ["monai.nets.unet"], True, True]


# Optional packages


def test_a_large_optional_package_waits_until_it_is_used(small: Path) -> None:
    code = """
    tables = import_alone("monai.utils.tables")
    before = list(log.ran)
    flags = [tables.has_pandas, tables.has_skimage]
    used = tables.read(1)
    import pandas
    answers = [used[0], type(used[1]) is pandas.DataFrame, tables.read(pandas.DataFrame())[0]]
    print(json.dumps([before, flags, answers, log.ran]))
    """
    before, flags, answers, after = run(ALONE + textwrap.dedent(code), small)
    assert before == ["monai.nets.unet"] and after == [*before, "pandas"]
    assert flags == [True, False]  # installed, and not
    assert answers == [False, True, True]


# The real MONAI


def test_every_name_is_that_of_monai() -> None:
    assert len(_monai._HOMES) > 10
    for name in _monai._HOMES:
        thing = getattr(_monai, name)
        assert thing.__name__ == name
        assert thing.__module__ == f"monai.{_monai._HOMES[name]}"
    with pytest.raises(ImportError, match="cannot import name 'UNETR'"):
        exec("from SlicerLDMRegLib._monai import UNETR")


@pytest.mark.slow
def test_monai_is_as_complete_as_without_the_library() -> None:
    look = """
    import monai
    from monai.bundle import ConfigParser
    def kind(value):
        return str(value) if isinstance(value, bool) else type(value).__name__
    modules = [name for name in sys.modules if name.split(".")[0] == "monai"]
    found = {name: {key: kind(value) for key, value in vars(sys.modules[name]).items()
                    if not key.startswith("__")} for name in modules}
    found["finders"] = dict.fromkeys(type(finder).__module__ for finder in sys.meta_path)
    print(json.dumps(found))
    """
    look = textwrap.dedent(look)
    ours = run("import json, sys\nfrom SlicerLDMRegLib._monai import *\n" + look)
    plain = run("import json, sys\n" + look)
    assert len(plain) > 300
    assert {name: sorted(names) for name, names in ours.items()} == {
        name: sorted(names) for name, names in plain.items()
    }
    assert ours == plain
