# Every third party as one imported target, so that no other file names a package.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET GLOBAL libzmq)
add_library(third::zmq ALIAS PkgConfig::ZMQ)  # cppzmq is headers only, beside it

find_program(FLATC flatc REQUIRED)
find_path(FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED)
add_library(third_flatbuffers INTERFACE)  # generated code needs its headers only
target_include_directories(third_flatbuffers SYSTEM INTERFACE ${FLATBUFFERS_INCLUDE})
add_library(third::flatbuffers ALIAS third_flatbuffers)

add_library(third_msgpack INTERFACE)  # headers only
target_compile_definitions(third_msgpack INTERFACE MSGPACK_NO_BOOST)
add_library(third::msgpack ALIAS third_msgpack)

find_package(nlohmann_json REQUIRED)
add_library(third::json ALIAS nlohmann_json::nlohmann_json)

find_package(spdlog REQUIRED)
add_library(third::spdlog ALIAS spdlog::spdlog)

# Linked into the executable it takes the place of malloc in every library; a sanitizer brings its own.
add_library(third_malloc INTERFACE)
if(NOT SLUICE_SANITIZE)
  find_library(MIMALLOC_LIBRARY mimalloc REQUIRED)
  target_link_libraries(third_malloc INTERFACE -Wl,--push-state,--no-as-needed ${MIMALLOC_LIBRARY}
                                               -Wl,--pop-state)
  target_sources(third_malloc INTERFACE ${CMAKE_SOURCE_DIR}/common/process/throwing_new.cc)
endif()
add_library(third::malloc ALIAS third_malloc)

find_package(CLI11 REQUIRED)
add_library(third::cli11 ALIAS CLI11::CLI11)

pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET GLOBAL tomlplusplus)
add_library(third::tomlplusplus ALIAS PkgConfig::TOMLPLUSPLUS)

pkg_check_modules(CURL REQUIRED IMPORTED_TARGET GLOBAL libcurl)
add_library(third::curl ALIAS PkgConfig::CURL)

pkg_check_modules(PNG REQUIRED IMPORTED_TARGET GLOBAL libpng)
add_library(third::png ALIAS PkgConfig::PNG)

find_package(Boost 1.74 REQUIRED)
add_library(third_asio INTERFACE)
target_link_libraries(third_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(third_asio INTERFACE BOOST_ASIO_NO_DEPRECATED)
add_library(third::asio ALIAS third_asio)

find_package(Protobuf REQUIRED)
add_library(third::protobuf ALIAS protobuf::libprotobuf)

if(SLUICE_ENGINE)
  add_library(third_onnx INTERFACE)
  find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
  target_link_libraries(third_onnx INTERFACE ${ONNX_PROTO_LIBRARY} third::protobuf)
  target_compile_definitions(third_onnx INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
  add_library(third::onnx ALIAS third_onnx)

  # Its CMake package asks for OpenCL, which a CPU build does not need.
  find_library(DNNL_LIBRARY dnnl REQUIRED)
  find_path(DNNL_INCLUDE dnnl.hpp REQUIRED)
  add_library(third_dnnl INTERFACE)
  target_link_libraries(third_dnnl INTERFACE ${DNNL_LIBRARY})
  target_include_directories(third_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE})
  add_library(third::dnnl ALIAS third_dnnl)

  # `-lopenblas` follows Debian's alternatives, where the threaded build wins: name the serial one.
  find_library(OPENBLAS_SERIAL NAMES libopenblas.a PATHS /usr/lib PATH_SUFFIXES
               ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial openblas-serial
               NO_DEFAULT_PATH REQUIRED)
  find_path(OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES
            ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial openblas-serial
            ${CMAKE_LIBRARY_ARCHITECTURE} REQUIRED)
  add_library(third_openblas INTERFACE)
  # Several threads may not ask it for buffers at once: worker/ops/detail/gemm_call.cc stands between.
  target_link_libraries(third_openblas INTERFACE
    -Wl,--wrap=blas_memory_alloc,--wrap=blas_memory_free ${OPENBLAS_SERIAL} gfortran)
  target_include_directories(third_openblas SYSTEM INTERFACE ${OPENBLAS_INCLUDE})
  add_library(third::openblas ALIAS third_openblas)

  # Headers only; worker/engine/machine/cpu_targets.cc says why.
  find_path(HWY_INCLUDE hwy/highway.h REQUIRED)
  add_library(third_hwy INTERFACE)
  target_include_directories(third_hwy SYSTEM INTERFACE ${HWY_INCLUDE})
  add_library(third::hwy ALIAS third_hwy)

  # Without pkg-config's -pthread, which would be a flag of every operator's file.
  find_library(RE2_LIBRARY re2 REQUIRED)
  add_library(third_re2 INTERFACE)
  target_link_libraries(third_re2 INTERFACE ${RE2_LIBRARY})
  add_library(third::re2 ALIAS third_re2)
endif()

if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
  pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET GLOBAL simdjson)
  add_library(third::simdjson ALIAS PkgConfig::SIMDJSON)
endif()
if(SLUICE_BENCH)
  find_package(benchmark REQUIRED)
endif()
