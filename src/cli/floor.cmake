# The version is the project's; only one file is compiled anew when it changes.
set_source_files_properties(src/cli/manual/version.cpp PROPERTIES COMPILE_DEFINITIONS "FERRUM_VERSION=\"${PROJECT_VERSION}\"")
