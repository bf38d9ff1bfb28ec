"""The modernized experience: a replication appliance, replication provider `InMageRcm`.

The service discovers no machines here. The mobility agent of each machine registers with the
appliance, and the machine then appears in the appliance's Microsoft.OffAzure site.
"""
