"""Alerts leave the system here: metrics, Alertmanager, webhooks."""
