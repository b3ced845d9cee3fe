"""驿站 yìzhàn: the relay station of the old courier roads. The `yizhan` command and the embedded stack."""
