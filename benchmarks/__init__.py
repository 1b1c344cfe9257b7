import cavl.nameless  # noqa: F401 - before anything imports torchvision
