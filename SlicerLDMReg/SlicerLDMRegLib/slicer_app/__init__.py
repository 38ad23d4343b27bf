"""The layer that knows 3D Slicer: images from nodes, results into the scene, the panel.

Slicer's coordinates are RAS mm, the library's are LPS mm as in ITK; only here they meet. Nothing in
this package computes a registration, and importing it loads neither torch nor MONAI.
"""
