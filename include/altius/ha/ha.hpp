// SPDX-License-Identifier: PostgreSQL
// The follower: a worker that watches Patroni's keys in etcd and keeps the address book right.
// It is seen through the address book (altius/remote/address_book.hpp) and the view
// altius_ha_status.
#pragma once

namespace altius::ha {

/// Defines the settings, asks for shared memory and registers the follower where etcd is
/// configured.  From _PG_init, after remote.
void Init();

}  // namespace altius::ha
