# sluice_library, sluice_executable, sluice_test, sluice_fuzzer: one way to declare each kind.

add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wformat=2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wno-restrict: GCC 12 at -O2 warns falsely inside std::string.
  target_compile_options(sluice_warnings INTERFACE -Wduplicated-cond -Wlogical-op -Wno-restrict)
  if(SLUICE_SANITIZE)
    # Under its own instrumentation GCC 12 warns falsely inside std::variant and std::string.
    target_compile_options(sluice_warnings INTERFACE -Wno-maybe-uninitialized)
  else()
    target_compile_options(sluice_warnings INTERFACE -Wnull-dereference)
  endif()
endif()
if(SLUICE_WERROR)
  target_compile_options(sluice_warnings INTERFACE -Werror)
endif()

# For GCC files that are compiled jointly are headers, whose classes should hold nothing unnamed.
set(SLUICE_UNITY_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
if(CMAKE_UNITY_BUILD)
  add_compile_options(${SLUICE_UNITY_OPTIONS})
endif()

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()
if(SLUICE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# tests_LABEL builds the tests of one label, fuzzers all fuzz targets, generated all generated headers.
foreach(group tests_unit tests_sim tests_protocol tests_fuzz tests_tidy tests_threads fuzzers generated)
  add_custom_target(${group})
endforeach()
if(SLUICE_FUZZ)
  file(WRITE ${CMAKE_BINARY_DIR}/fuzzers.txt "")
endif()

# sluice_library(NAME SOURCES ... LINK ... [PRIVATE_LINK ...]): library sluice_NAME, alias sluice::NAME.
function(sluice_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(sluice_${name} STATIC ${ARG_SOURCES})
  add_library(sluice::${name} ALIAS sluice_${name})
  target_include_directories(sluice_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(sluice_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK}
                                              sluice_warnings)
endfunction()

function(sluice_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} sluice_warnings)
endfunction()

# sluice_test(NAME SOURCES ... LINK ... LABELS ... [ARGS ...]): one GoogleTest program, one CTest entry.
# Labels: unit, sim, protocol, ops, conformance, system, fuzz, tidy; .ci/test chooses by them. `threads`
# beside another label: also worth a run under the thread sanitizer (unit tests always get one).
function(sluice_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main
                                        sluice_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             SLUICE_BINARY_DIR="${CMAKE_BINARY_DIR}"
                             SLUICE_SHARED_DIR="${SLUICE_SHARED_DIR}")
  # Most of a test's compilation is headers, of what it tests and of GoogleTest, and then code that
  # runs once.
  if("unit" IN_LIST ARG_LABELS)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON)
    target_compile_options(${name} PRIVATE ${SLUICE_UNITY_OPTIONS})
  endif()
  if("unit" IN_LIST ARG_LABELS OR "ops" IN_LIST ARG_LABELS)
    target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("system" IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)  # they measure time
  endif()
  foreach(label IN LISTS ARG_LABELS)
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
endfunction()

# sluice_fuzzer(NAME SOURCES ... LINK ...): fuzz target over LLVMFuzzerTestOneInput. With SLUICE_FUZZ
# it is a libFuzzer program; otherwise a small main replays the committed corpus, so that every build
# type (the sanitized ones above all) runs the corpus as a test. MUTATOR: a file with its custom
# mutator; then NAME_mutations, without libFuzzer, runs as many random inputs as it is told.
function(sluice_fuzzer name)
  cmake_parse_arguments(ARG "" "CORPUS;MUTATOR" "SOURCES;LINK" ${ARGN})
  set(programs ${name})
  if(SLUICE_FUZZ)
    add_executable(${name} ${ARG_SOURCES} ${ARG_MUTATOR})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    file(APPEND ${CMAKE_BINARY_DIR}/fuzzers.txt "${name} ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS}\n")
  else()
    add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    if(ARG_MUTATOR)
      add_executable(${name}_mutations ${ARG_SOURCES} ${ARG_MUTATOR}
                     ${CMAKE_SOURCE_DIR}/tests/fuzz/mutate_main.cc)
      list(APPEND programs ${name}_mutations)
    endif()
  endif()
  foreach(program IN LISTS programs)
    target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${program} PRIVATE ${ARG_LINK} sluice_warnings)
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_dependencies(tests_fuzz ${program})
    add_dependencies(fuzzers ${program})
  endforeach()
  if(NOT SLUICE_FUZZ)
    add_test(NAME ${name}_corpus COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
    set_tests_properties(${name}_corpus PROPERTIES LABELS "fuzz" TIMEOUT 120)
  endif()
endfunction()

# sluice_flatbuffer(TARGET SCHEMA): generated header as target with its include folder.
function(sluice_flatbuffer target schema)
  get_filename_component(stem ${schema} NAME_WE)
  set(out ${CMAKE_BINARY_DIR}/generated/schema)
  add_custom_command(
    OUTPUT ${out}/${stem}_generated.h
    COMMAND ${FLATC} --cpp --scoped-enums -o ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    VERBATIM)
  add_custom_target(${target}_gen DEPENDS ${out}/${stem}_generated.h)
  add_dependencies(generated ${target}_gen)
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_gen)
  target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${target} INTERFACE third::flatbuffers)
  add_library(sluice::${target} ALIAS ${target})
endfunction()

# sluice_protobuf(TARGET SCHEMAS...): the generated code of schemas as library TARGET.
function(sluice_protobuf target)
  set(out ${CMAKE_BINARY_DIR}/generated)
  foreach(schema IN LISTS ARGN)
    get_filename_component(stem ${schema} NAME_WE)
    set(made ${out}/schema/${stem}.pb.cc ${out}/schema/${stem}.pb.h)
    add_custom_command(
      OUTPUT ${made}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND protobuf::protoc -I ${CMAKE_SOURCE_DIR} --cpp_out=${out} schema/${schema}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      VERBATIM)
    list(APPEND sources ${made})
  endforeach()
  add_custom_target(${target}_gen DEPENDS ${sources})
  add_dependencies(generated ${target}_gen)
  add_library(${target} STATIC ${sources})
  add_dependencies(${target} ${target}_gen)
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC third::protobuf)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)  # written to be compiled apart
  if(SLUICE_SANITIZE STREQUAL "thread")
    # Under this macro protobuf's map_field.h lays maps out otherwise than the library was built.
    # The second one is what libstdc++ derives from it.
    target_compile_options(${target} PUBLIC -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
  endif()
  add_library(sluice::${target} ALIAS ${target})
endfunction()
