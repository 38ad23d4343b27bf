# Stand-in for a build of Slicer, to configure, build and install the extension without one.
#
#   cmake -S . -B build -DSlicer_DIR=Testing/Host/cmake
#
# It defines what the extension uses, and behaves as Slicer does where that matters: relative paths
# of scripts and resources are kept word for word, and the folder of scripted modules is installed
# whole.

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/ExtensionMetadata.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/ExtensionCPack.cmake")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-5.13/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
set(Slicer_LAUNCHER_EXECUTABLE "Slicer" CACHE STRING "The program that ctest starts")
set(Slicer_FOUND TRUE)
