# ccache in front of the compiler, if it is installed. With the base directory set and the build
# directory out of the hash, every clone and every build directory shares one cache.
find_program(QUORATE_CCACHE ccache)
if(QUORATE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${QUORATE_CCACHE})
endif()
