"""Which waybills are one parcel, and which containers it lay in: links as facts, told from waybill to waybill."""
