# The libraries of DESIGN section 7, from Debian 12. A folder names them in LIBS; nothing else may
# link them (tools/layers.toml holds the same rule for includes).
#
#   nghttp2         quorate_rpc               Boost::headers, OpenSSL   quorate_env_posix, quorate_server
#   RocksDB         quorate_engine_rocksdb    protobuf                  quorate_proto
#   CLI11, spdlog, yaml-cpp, prometheus-cpp   quorate_server
if(NOT QUORATE_PURE_ONLY)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
  find_package(OpenSSL 3 REQUIRED)
  find_package(Boost 1.81 REQUIRED)
  find_package(Protobuf 3.21 REQUIRED)
  find_package(RocksDB CONFIG REQUIRED)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(spdlog CONFIG REQUIRED)
  find_package(yaml-cpp CONFIG REQUIRED)
  find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)

  find_library(NGHTTP2_LIBRARY nghttp2 REQUIRED)
  find_path(NGHTTP2_INCLUDE_DIR nghttp2/nghttp2.h REQUIRED)
  add_library(nghttp2::nghttp2 UNKNOWN IMPORTED)
  set_target_properties(nghttp2::nghttp2 PROPERTIES
    IMPORTED_LOCATION ${NGHTTP2_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${NGHTTP2_INCLUDE_DIR})

  if(QUORATE_TESTS)
    find_package(GTest REQUIRED)
  endif()
endif()
