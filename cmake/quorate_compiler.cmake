# Language, warnings and code generation, for every target of the project.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Optimised builds keep line tables and frame pointers, so that a profile of the shipping binary
# reads. QUORATE_ASSERT does not depend on NDEBUG: assertions stay on everywhere.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g")
add_compile_options(-fno-omit-frame-pointer "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_GENERATOR STREQUAL "Ninja")
  add_compile_options(-fcolor-diagnostics)
endif()

# Warnings of our own code; generated code gets -w (quorate_proto.cmake).
set(QUORATE_WARNINGS
  -Werror -Wall -Wextra -Wpedantic
  -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-qual -Wcast-align
  -Wimplicit-fallthrough -Wextra-semi -Wundef -Wvla -Wformat=2 -Wdouble-promotion
  -Wno-missing-field-initializers) # designated initialisers leave out what keeps its default
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports these in its own <string>, <optional> and <expected> at -O2 (its PR 105651,
  # 80635, 105329); clang's analysis and the sanitizers look for the same faults.
  list(APPEND QUORATE_WARNINGS -Wsuggest-override -Wduplicated-cond -Wlogical-op
    -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds -Wno-free-nonheap-object -Wno-dangling-pointer)
else()
  # Deprecations are gcc's to report: clang-tidy takes libstdc++ 12's get_temporary_buffer for ours.
  list(APPEND QUORATE_WARNINGS -Wno-deprecated-declarations -Wsuggest-override -Wthread-safety -Wshadow-field-in-constructor-modified)
endif()

if(QUORATE_PLANTS)
  add_compile_definitions(QUORATE_PLANTS=1)
endif()

if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "wasm32")
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_compile_options(-fno-semantic-interposition) # -fPIC, but calls within a file may be inlined
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES CXX)
  if(QUORATE_SANITIZE)
    add_compile_options(-fsanitize=${QUORATE_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${QUORATE_SANITIZE})
  else()
    add_compile_options(-fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
      add_compile_options(-fcf-protection)
    endif()
    add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
  endif()
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

  find_program(QUORATE_MOLD mold)
  find_program(QUORATE_LLD NAMES ld.lld-19 ld.lld)
  if(QUORATE_MOLD)
    add_link_options(-fuse-ld=mold)
  elseif(QUORATE_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(-fuse-ld=lld)
  endif()
endif()
