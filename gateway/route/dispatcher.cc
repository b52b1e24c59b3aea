#include "gateway/route/dispatcher.h"

#include "gateway/route/dispatcher_deaths.h"
#include "gateway/route/dispatcher_queue.h"
#include "gateway/route/dispatcher_requests.h"
#include "gateway/route/dispatcher_versions.h"
#include "gateway/route/dispatcher_workers.h"

namespace sluice::gateway {

template class BasicDispatcher<Rules>;

}  // namespace sluice::gateway
