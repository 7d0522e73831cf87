# What comes from Debian's packages and from engine/. tools/packages.txt is the list that `make setup` installs.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(boost_headers INTERFACE)
target_include_directories(boost_headers SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(boost_headers INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION=0)

add_library(protobuf_lite INTERFACE)
target_link_libraries(protobuf_lite INTERFACE protobuf::libprotobuf-lite)

# The engine: built once per user into a cache outside the tree by tools/engine.sh, which prints the folder.
if(NOT MYELIN_ENGINE_DIR)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/engine.sh --where OUTPUT_VARIABLE MYELIN_ENGINE_DIR
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
add_library(wasmtime STATIC IMPORTED GLOBAL)
set_target_properties(wasmtime PROPERTIES IMPORTED_LOCATION ${MYELIN_ENGINE_DIR}/libmyelin_engine.a)
file(MAKE_DIRECTORY ${MYELIN_ENGINE_DIR}/include)
target_include_directories(wasmtime SYSTEM INTERFACE ${MYELIN_ENGINE_DIR}/include)
target_link_libraries(wasmtime INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
