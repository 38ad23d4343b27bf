# Slicer writes a file for extensions that depend on this one. Here: what the extension says of itself.
set(lines "name=${PROJECT_NAME}\n")
foreach(key HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if(NOT EXTENSION_${key})
    message(FATAL_ERROR "EXTENSION_${key} is not set")
  endif()
  string(APPEND lines "${key}=${EXTENSION_${key}}\n")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/extension.txt" "${lines}")
