// The one place where IoLoop's Asio side is defined; included by the Asio .cc files alone.

#pragma once

#include <utility>  // GCC 12: before Asio 1.74, which uses std::exchange without it

#include <boost/asio/io_context.hpp>

#include "gateway/net/io_loop.h"

namespace sluice::gateway {

struct IoLoop::Context {
  // UNSAFE: one thread runs and posts, so Asio takes no lock.
  boost::asio::io_context asio{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  bool stopped = false;
};

}  // namespace sluice::gateway
