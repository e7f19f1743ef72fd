# quorate_proto_library(<name> <root>): C++ from every .proto under root, generated into the build tree.
# An import and an include are both written from the root: proto/etcd/rpc.proto is imported as
# "etcd/rpc.proto" and included as "etcd/rpc.pb.h".
function(quorate_proto_library name root)
  file(GLOB_RECURSE protos CONFIGURE_DEPENDS ${root}/*.proto)
  if(NOT protos)
    add_library(${name} INTERFACE)
    return()
  endif()
  set(out ${CMAKE_BINARY_DIR}/proto)
  file(MAKE_DIRECTORY ${out})
  set(generated)
  foreach(proto IN LISTS protos)
    file(RELATIVE_PATH relative ${root} ${proto})
    string(REGEX REPLACE "\\.proto$" "" stem ${relative})
    add_custom_command(
      OUTPUT ${out}/${stem}.pb.cc ${out}/${stem}.pb.h
      COMMAND protobuf::protoc --proto_path=${root} --cpp_out=${out} ${proto}
      DEPENDS ${protos}
      COMMENT "protoc ${relative}"
      VERBATIM)
    list(APPEND generated ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
  endforeach()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
  target_compile_options(${name} PRIVATE -w)
endfunction()
