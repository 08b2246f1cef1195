"""Advice on a job: settings that will fail, train wrongly or waste, with their source and a fix where there is one."""
