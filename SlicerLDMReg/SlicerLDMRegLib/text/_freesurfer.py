"""Label numbers, names and prompt words of FreeSurfer's table (FreeSurferColorLUT.txt)."""

from __future__ import annotations

__all__ = ["CORTEX", "MIDLINE", "SIDED", "WIDER_MIDLINE", "WIDER_SIDED"]

#: Left number, right number, name without its side, prompt words if they differ from the name.
SIDED: tuple[tuple[int, int, str, str | None], ...] = (
    (2, 41, "Cerebral-White-Matter", None),
    (3, 42, "Cerebral-Cortex", None),
    (4, 43, "Lateral-Ventricle", None),
    (5, 44, "Inf-Lat-Vent", "inferior lateral ventricle"),
    (7, 46, "Cerebellum-White-Matter", None),
    (8, 47, "Cerebellum-Cortex", None),
    (10, 49, "Thalamus", None),
    (11, 50, "Caudate", None),
    (12, 51, "Putamen", None),
    (13, 52, "Pallidum", None),
    (17, 53, "Hippocampus", None),
    (18, 54, "Amygdala", None),
    (26, 58, "Accumbens-area", "nucleus accumbens"),
    (28, 60, "VentralDC", "ventral diencephalon"),
    (30, 62, "vessel", None),
    (31, 63, "choroid-plexus", None),
)

#: Number, name, prompt words if they differ from the name.
MIDLINE: tuple[tuple[int, str, str | None], ...] = (
    (14, "3rd-Ventricle", "third ventricle"),
    (15, "4th-Ventricle", "fourth ventricle"),
    (16, "Brain-Stem", None),
)

WIDER_SIDED: tuple[tuple[int, int, str, str | None], ...] = (
    (25, 57, "Lesion", None),
    (78, 79, "WM-hypointensities", "white matter hypointensities"),
)

WIDER_MIDLINE: tuple[tuple[int, str, str | None], ...] = (
    (24, "CSF", "cerebrospinal fluid"),
    (72, "5th-Ventricle", "fifth ventricle"),
    (77, "WM-hypointensities", "white matter hypointensities"),
    (85, "Optic-Chiasm", None),
    (251, "CC_Posterior", "posterior corpus callosum"),
    (252, "CC_Mid_Posterior", "mid posterior corpus callosum"),
    (253, "CC_Central", "central corpus callosum"),
    (254, "CC_Mid_Anterior", "mid anterior corpus callosum"),
    (255, "CC_Anterior", "anterior corpus callosum"),
)

#: Cortical regions (Desikan et al. 2006); add 1000 for the left and 2000 for the right side.
CORTEX: tuple[tuple[int, str, str], ...] = (
    (1, "bankssts", "banks of the superior temporal sulcus"),
    (2, "caudalanteriorcingulate", "caudal anterior cingulate cortex"),
    (3, "caudalmiddlefrontal", "caudal middle frontal gyrus"),
    (5, "cuneus", "cuneus"),
    (6, "entorhinal", "entorhinal cortex"),
    (7, "fusiform", "fusiform gyrus"),
    (8, "inferiorparietal", "inferior parietal lobule"),
    (9, "inferiortemporal", "inferior temporal gyrus"),
    (10, "isthmuscingulate", "isthmus cingulate cortex"),
    (11, "lateraloccipital", "lateral occipital cortex"),
    (12, "lateralorbitofrontal", "lateral orbitofrontal cortex"),
    (13, "lingual", "lingual gyrus"),
    (14, "medialorbitofrontal", "medial orbitofrontal cortex"),
    (15, "middletemporal", "middle temporal gyrus"),
    (16, "parahippocampal", "parahippocampal gyrus"),
    (17, "paracentral", "paracentral lobule"),
    (18, "parsopercularis", "pars opercularis"),
    (19, "parsorbitalis", "pars orbitalis"),
    (20, "parstriangularis", "pars triangularis"),
    (21, "pericalcarine", "pericalcarine cortex"),
    (22, "postcentral", "postcentral gyrus"),
    (23, "posteriorcingulate", "posterior cingulate cortex"),
    (24, "precentral", "precentral gyrus"),
    (25, "precuneus", "precuneus"),
    (26, "rostralanteriorcingulate", "rostral anterior cingulate cortex"),
    (27, "rostralmiddlefrontal", "rostral middle frontal gyrus"),
    (28, "superiorfrontal", "superior frontal gyrus"),
    (29, "superiorparietal", "superior parietal lobule"),
    (30, "superiortemporal", "superior temporal gyrus"),
    (31, "supramarginal", "supramarginal gyrus"),
    (32, "frontalpole", "frontal pole"),
    (33, "temporalpole", "temporal pole"),
    (34, "transversetemporal", "transverse temporal gyrus"),
    (35, "insula", "insula"),
)
