"""The engines that a person can choose between: those they added, docker's contexts, and sockets that are found by themselves."""
