# Slicer packages the component RuntimeLibraries. Here the tests install it.
