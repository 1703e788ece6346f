"""The device wheel's doctor, here and over ssh."""
