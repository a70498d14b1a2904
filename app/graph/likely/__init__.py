"""Likely answers beside the exact one."""
