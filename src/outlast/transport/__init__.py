"""How a host is reached: one live session per host and identity.

endpoint        which host, how, as whom: from variables, keywords and settings
openssh         the command line of ssh, as stock builds it
bootstrap       what is run on the host so that an agent comes to life there
link            one child process whose stdin and stdout lead to an agent
conversation    questions and answers over a link
session         `call.Session`, in terms of a conversation
sessions        one connection per host, shared by all identities
event_loop      asyncio without a thread per child process
"""
