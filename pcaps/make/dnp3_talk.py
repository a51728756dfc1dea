#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An outstation and a master of opendnp3 (yadnp3) for plant.sh: a scan of all classes."""

import sys
import time

import opendnp3 as dnp3


class Commands(dnp3.ICommandHandler):
    def Begin(self):
        pass

    def End(self):
        pass

    def Select(self, *_):
        return dnp3.CommandStatus.NOT_SUPPORTED

    def Operate(self, *_):
        return dnp3.CommandStatus.NOT_SUPPORTED


class Outstation(dnp3.IOutstationApplication):
    pass


class Master(dnp3.IMasterApplication):
    pass


class Values(dnp3.ISOEHandler):
    def BeginFragment(self, _):
        pass

    def EndFragment(self, _):
        pass

    def Process(self, *_):
        pass


class Listener(dnp3.IChannelListener):
    def OnStateChange(self, _):
        pass


levels = dnp3.LogLevels()
manager = dnp3.DNP3Manager(1)
endpoint = dnp3.IPEndpoint("10.31.0.10", 20000)
if sys.argv[1] == "outstation":
    channel = manager.AddTCPServer(
        "server", levels, dnp3.ServerAcceptMode.CloseExisting, endpoint, Listener()
    )
    config = dnp3.OutstationStackConfig(dnp3.DatabaseConfig(2))
    config.link.LocalAddr, config.link.RemoteAddr = 47, 1
    end = channel.AddOutstation("outstation", Commands(), Outstation(), config)
    wait = 60
else:
    channel = manager.AddTCPClient(
        "client", levels, dnp3.ChannelRetry.Default(), [endpoint], "0.0.0.0", Listener()
    )
    config = dnp3.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = 1, 47
    end = channel.AddMaster("master", Values(), Master(), config)
    wait = 4
end.Enable()
time.sleep(wait)
manager.Shutdown()
