# What `make install` puts where: bin/myelin, libexec/myelin/myelin-compile, lib/libmyelin.so, include/myelin, lib/cmake/myelin.
add_library(myelin_shared SHARED $<TARGET_OBJECTS:myelin_embed>)
set_target_properties(myelin_shared PROPERTIES OUTPUT_NAME myelin VERSION ${PROJECT_VERSION} SOVERSION 0)
target_link_libraries(myelin_shared PRIVATE myelin_node dl)
target_include_directories(myelin_shared PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_features(myelin_shared INTERFACE cxx_std_23)

install(TARGETS myelin_shared EXPORT myelin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT myelin NAMESPACE myelin:: FILE myelin-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/myelin)
set_target_properties(myelin_shared PROPERTIES EXPORT_NAME myelin)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/myelin-config-version.cmake COMPATIBILITY SameMinorVersion)
file(WRITE ${CMAKE_BINARY_DIR}/myelin-config.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/myelin-targets.cmake)\n")
install(FILES ${CMAKE_BINARY_DIR}/myelin-config.cmake ${CMAKE_BINARY_DIR}/myelin-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/myelin)
install(DIRECTORY include/myelin DESTINATION include)
install(FILES sdk/c/myelin.h DESTINATION share/myelin/sdk/c)
install(TARGETS myelin DESTINATION bin)
install(TARGETS myelin-compile DESTINATION libexec/myelin)
