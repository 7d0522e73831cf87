# Guests: WebAssembly modules built from the sources in this tree, into <build>/guests/<stem>.wasm.
#
#   tests/guests/*.{c,cpp,wat}       what tests run; hostile ones among them
#   examples/<name>/<name>.{c,cpp}   what users read first
#   examples/<name>/main.go          the same in Go (1.24 or newer, from MYELIN_GO or PATH)
#
# C and C++ are reactors (`_initialize` and exports), but those whose name ends in `_command` (`_start`). The target `guests` builds
# all; a layer's test program depends on it.
find_program(WASM_CLANG clang-19 REQUIRED)
find_program(WASM_CLANGXX clang++-19 REQUIRED)
find_program(WAT2WASM wat2wasm REQUIRED)
find_program(MYELIN_GO go HINTS ENV MYELIN_GO_BIN)

set(MYELIN_GUESTS ${CMAKE_BINARY_DIR}/guests)
file(MAKE_DIRECTORY ${MYELIN_GUESTS})
file(GLOB guest_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/guests/*.c ${CMAKE_SOURCE_DIR}/tests/guests/*.cpp
  ${CMAKE_SOURCE_DIR}/tests/guests/*.wat ${CMAKE_SOURCE_DIR}/examples/*/*.c ${CMAKE_SOURCE_DIR}/examples/*/*.cpp
  ${CMAKE_SOURCE_DIR}/examples/*/main.go)
list(FILTER guest_sources EXCLUDE REGEX "examples/(embed|protocol-[^/]*)/")

set(guest_modules)
foreach(source ${guest_sources})
  get_filename_component(stem ${source} NAME_WE)
  get_filename_component(extension ${source} EXT)
  get_filename_component(folder ${source} DIRECTORY)
  set(model -mexec-model=reactor)
  if(stem MATCHES "_command$")
    set(model)
  endif()
  set(flags --target=wasm32-wasi -O2 ${model} -Wall -Wextra -Werror -Wl,--strip-debug,-z,stack-size=32768 -I${CMAKE_SOURCE_DIR}/sdk/c)
  if(extension STREQUAL ".go")
    get_filename_component(stem ${folder} NAME)
  endif()
  set(module ${MYELIN_GUESTS}/${stem}.wasm)
  if(extension STREQUAL ".c")
    add_custom_command(OUTPUT ${module} COMMAND ${WASM_CLANG} ${flags} ${source} -o ${module}
      DEPENDS ${source} ${CMAKE_SOURCE_DIR}/sdk/c/myelin.h VERBATIM)
  elseif(extension STREQUAL ".cpp")
    add_custom_command(OUTPUT ${module} COMMAND ${WASM_CLANGXX} -std=c++20 -fno-exceptions ${flags} ${source} -o ${module}
      DEPENDS ${source} ${CMAKE_SOURCE_DIR}/sdk/c/myelin.h VERBATIM)
  elseif(extension STREQUAL ".wat")
    add_custom_command(OUTPUT ${module} COMMAND ${WAT2WASM} --enable-all ${source} -o ${module} DEPENDS ${source} VERBATIM)
  else()
    file(GLOB go_sources CONFIGURE_DEPENDS ${folder}/*.go ${folder}/go.mod)
    add_custom_command(OUTPUT ${module}
      COMMAND ${CMAKE_COMMAND} -E env GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local GOFLAGS=-mod=mod ${MYELIN_GO} build -buildmode=c-shared "-ldflags=-s -w"
        -o ${module} .
      WORKING_DIRECTORY ${folder} DEPENDS ${go_sources} VERBATIM)
  endif()
  list(APPEND guest_modules ${module})
endforeach()
add_custom_target(guests ALL DEPENDS ${guest_modules})
