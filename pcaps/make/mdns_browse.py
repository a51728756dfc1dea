#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Look for printers by mDNS with the package `zeroconf`. usage: mdns_browse.py ADDRESS SECONDS"""
import sys
import time

from zeroconf import IPVersion, ServiceBrowser, ServiceListener, Zeroconf


class Listener(ServiceListener):
    def add_service(self, zc, type_, name):
        info = zc.get_service_info(type_, name, 2000)
        print("found", name, info.server if info else None, info.properties.get(b"ty") if info else None)

    def update_service(self, *_):
        pass

    def remove_service(self, *_):
        pass


zc = Zeroconf(interfaces=[sys.argv[1]], ip_version=IPVersion.V4Only)
ServiceBrowser(zc, ["_ipp._tcp.local."], Listener())
time.sleep(float(sys.argv[2]))
zc.close()
