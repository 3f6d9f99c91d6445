# SPDX-License-Identifier: PostgreSQL
"""Finds the cluster of a directory, of whichever kind it is, and takes it down."""

import json
import os
import shutil

from .cluster import Cluster
from .common import Failure, say
from .ha_cluster import HaCluster


def kind_of(directory):
    """What the directory holds: plain, patroni, or None."""
    try:
        with open(os.path.join(directory, "cluster.json"), encoding="utf-8") as file:
            return json.load(file).get("kind", "plain")
    except FileNotFoundError:
        return None


def load_or_new(directory, patroni=False):
    directory = os.path.abspath(directory)
    kind = kind_of(directory) or ("patroni" if patroni else "plain")
    if patroni and kind != "patroni":
        raise Failure(f"the cluster in {directory} is one without Patroni",
                      "Run altius-cluster down first, or choose another --dir.")
    return HaCluster(directory) if kind == "patroni" else Cluster(directory)


def load(directory):
    cluster = load_or_new(directory)
    if not cluster.exists:
        raise Failure(f"there is no cluster in {cluster.dir}", "Start one with altius-cluster up, or name its --dir.")
    return cluster


def down(directory, keep):
    cluster = load_or_new(directory)
    if not cluster.exists:
        say(f"There is no cluster in {cluster.dir}.")
        return
    cluster.stop(keep)
    if keep:
        say(f"Stopped; altius-cluster up goes on with the data in {cluster.dir}.")
        return
    shutil.rmtree(cluster.dir)
    say(f"Stopped, and removed {cluster.dir}.")
