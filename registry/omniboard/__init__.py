"""Omniboard, the web page on which runs in a MongoDB are browsed: installed, set up, started on this machine only."""
