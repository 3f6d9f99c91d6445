# SPDX-License-Identifier: PostgreSQL
"""A member in a network of its own, so that its packets can be lost: nobody gets a refusal, as when a cable is pulled."""

import os
import subprocess


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=check).stdout


class Network:
    """Two addresses joined by a virtual cable: ours has all servers but one."""

    @staticmethod
    def make(cluster, member):
        """None where this user may not do that."""
        network = Network(cluster.port)
        try:
            network.set_up()
        except (subprocess.CalledProcessError, FileNotFoundError):
            network.remove()
            return None
        cluster.hosts = {"*": network.here, member: network.there}
        cluster.netns = {member: network.name}
        return network

    def __init__(self, port):
        self.name, self.cable = f"altius-{port}", f"alt{port}"
        self.here, self.there = (f"198.18.{port % 250}.{number}" for number in (1, 2))
        self.ours, self.is_cut = [self.here], False

    def another(self, address):
        """One more address beside this one."""
        on = self.here if address in self.ours else self.there
        new = f"{on.rpartition('.')[0]}.{10 + int(address.rpartition('.')[2])}"
        if on == self.here:
            self.ours.append(new)
            ip("addr", "replace", f"{new}/24", "dev", self.cable)
        else:
            ip("-n", self.name, "addr", "replace", f"{new}/24", "dev", "eth0")
        return new

    def set_up(self):
        self.remove()
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", f"{self.here}/24", "dev", self.cable)
        ip("-n", self.name, "addr", "add", f"{self.there}/24", "dev", "eth0")
        for where in (["link", "set", self.cable, "up"], ["-n", self.name, "link", "set", "eth0", "up"],
                      ["-n", self.name, "link", "set", "lo", "up"]):
            ip(*where)
        # Without the question who has an address there is no answer "nobody" either.
        theirs = ip("netns", "exec", self.name, "cat", "/sys/class/net/eth0/address").strip()
        with open(f"/sys/class/net/{self.cable}/address", encoding="ascii") as file:
            ours = file.read().strip()
        ip("neigh", "replace", self.there, "lladdr", theirs, "dev", self.cable, "nud", "permanent")
        ip("-n", self.name, "neigh", "replace", self.here, "lladdr", ours, "dev", "eth0", "nud", "permanent")

    def cut(self):
        """What the member sends is thrown away, so nothing is answered, acknowledged or refused."""
        for address in self.ours:
            ip("-n", self.name, "route", "add", "blackhole", f"{address}/32")
        self.is_cut = True

    def mend(self):
        if self.is_cut:
            for address in self.ours:
                ip("-n", self.name, "route", "del", "blackhole", f"{address}/32")
            self.is_cut = False

    def remove(self):
        if os.path.exists(f"/run/netns/{self.name}"):
            ip("link", "del", self.cable, check=False)
            ip("netns", "del", self.name, check=False)
