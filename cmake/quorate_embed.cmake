# quorate_embed_texts(<target> FUNCTION <name> FILES <file>...): compiles text files into a target.
#
# <name> is a function of namespace quorate::stories that gives every file PROTOCOL/*/STEM.* as
# EmbeddedText{protocol, stem, text}, in order of the files; the source is written in the build tree, anew when a file changes. (stories/embedded.h)
function(quorate_embed_texts target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FUNCTION" "FILES")
  if(NOT TARGET ${target})
    return()
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${arg_FUNCTION}.cc)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${source} -DFUNCTION=${arg_FUNCTION} "-DFILES=${arg_FILES}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_texts.cmake
    DEPENDS ${arg_FILES} ${CMAKE_SOURCE_DIR}/cmake/embed_texts.cmake
    COMMENT "embedding texts: ${arg_FUNCTION}"
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
