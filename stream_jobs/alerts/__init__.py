"""Promises that are running, and alerts about those that are about to be broken: lifecycles and a clock in."""
