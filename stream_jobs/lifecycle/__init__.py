"""What follows from a parcel's scans: a pure function of timelines, reference data and a clock.

Whole batches of parcels at once, as columns; the rules are design.md section 6 to the letter.
"""
