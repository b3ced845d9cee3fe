"""Which waybills are one parcel, which containers it lay in, and when a number begins anew.

Each waybill says of itself, in its profile, what others must know; profiles and timelines pass from waybill to
waybill, the newer replacing the older; all who know the same profiles come to the same parcels.
"""
