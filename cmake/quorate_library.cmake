# quorate_library(<name> [PURE] DEPS <target>... [LIBS <target>...] [TEST_DEPS <target>...] [SUBFOLDERS <name>...])
#
# One folder, one library. Sources are the folder's *.cc; *_test.cc become one GoogleTest executable
# <name>_test, which ctest runs in the folder itself (so that a test finds testdata/ by that name).
#   PURE       floors 0-6 and sim: no exceptions, and nothing linked but other PURE folders
#   DEPS       the folders below that this one includes
#   LIBS       third-party libraries
#   TEST_DEPS  what only the tests need
#   SUBFOLDERS whose *.cc belong to this library
# A folder that holds headers only is an INTERFACE library; it becomes STATIC with its first *.cc.
function(quorate_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PURE" "" "DEPS;LIBS;TEST_DEPS;SUBFOLDERS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "quorate_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_PURE AND arg_LIBS)
    message(FATAL_ERROR "quorate_library(${name}): a PURE folder links nothing but the standard library")
  endif()
  if(QUORATE_PURE_ONLY AND NOT arg_PURE)
    return()
  endif()

  list(TRANSFORM arg_SUBFOLDERS REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1/*.cc")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc ${arg_SUBFOLDERS})
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_LIBS})
    target_compile_options(${name} PRIVATE ${QUORATE_WARNINGS})
    if(arg_PURE)
      target_compile_options(${name} PRIVATE -fno-exceptions)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${name} INTERFACE ${arg_DEPS} ${arg_LIBS})
  endif()
  set_target_properties(${name} PROPERTIES QUORATE_PURE "${arg_PURE}")

  if(QUORATE_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${arg_LIBS} ${arg_TEST_DEPS} GTest::gtest GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${QUORATE_WARNINGS})
    add_test(NAME ${name}_test COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name}_test PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# quorate_executable(<name> DEPS <target>... [LIBS <target>...]): an application from the folder's *.cc,
# left at the top of the build directory.
function(quorate_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;LIBS")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} ${arg_LIBS})
  target_compile_options(${name} PRIVATE ${QUORATE_WARNINGS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# quorate_fuzzer(<name> <source>... DEPS <target>...): one libFuzzer executable; the target
# quorate_fuzzers is all of them and what they link.
function(quorate_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  if(NOT TARGET quorate_fuzzers)
    add_custom_target(quorate_fuzzers)
  endif()
  add_dependencies(quorate_fuzzers ${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  target_compile_options(${name} PRIVATE ${QUORATE_WARNINGS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
