"""Tests of what every capability stands on."""
