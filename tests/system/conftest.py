"""Prints what was skipped and why at the end of the run: a test that did not run is said loudly."""


def pytest_configure(config):
    config.option.reportchars = (config.option.reportchars or "") + "s"
