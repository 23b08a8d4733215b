"""What the owner of the simulated estate knows and its server does not: the site file of the demonstration."""

DEMO_SITE = """\
# The site file of the demonstration: what only the owner of the estate knows.
version: 1

repositories:
  - {match: "Hardened Repository Frankfurt", tags: [offsite]}
  - {match: "NAS share Zurich", tags: [offsite]}
  - {match: "NFS export Munich", tags: [offsite]}
  - {match: "Object Storage - Immutable 30 d", tags: [offsite]}
  - {match: "*Hamburg*", tags: [onsite]}
  - {match: "Default Backup Repository", tags: [onsite]}

tiers:
  - {name: gold, jobs: ["SQL*", "SAP*", "Oracle*"], rpo_hours: 24, retention_days: 14, gfs: {weekly: 4, monthly: 12}}
  - {name: silver, jobs: ["ERP*", "Exchange*", "File servers*"], rpo_hours: 26, retention_days: 14}
  - {name: workdays, jobs: ["Laptops*", "Jump hosts"], rpo_hours: 80, retention_days: 7}
  - {name: images, jobs: ["Virtual desktops*"], rpo_hours: 172, retention_days: 7}
  - {name: bronze, jobs: ["*"], rpo_hours: 48, retention_days: 7}

window: {start: "18:00", end: "08:00"}

builds: {"12.3": "12.3.2.3617", "13.0": "13.0.1.180"}

assets: assets.csv
"""

DEMO_ASSETS = """\
name,platform,owner,exempt
win-001.hansa.example,physical,Logistics,
win-002.hansa.example,physical,Logistics,
lnx-001.hansa.example,physical,Platform,
lnx-002.hansa.example,physical,Platform,
plant01,Nutanix,Plant Leeds,
plant02,Nutanix,Plant Leeds,
prn-001.hansa.example,physical,Office,
scada-03.hansa.example,physical,Plant Leeds,
kiosk-07.hansa.example,physical,Office,built anew from an image at every start
"""
