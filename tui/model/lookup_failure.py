"""Why a look-up failed, in words: the same for our own and for those that a namespace was seen to make."""

NO_SUCH_NAME = "the name does not exist (NXDOMAIN)"
RESOLVER_FAILED = "the resolver failed (SERVFAIL)"
RESOLVER_REFUSED = "the resolver refused"
NO_ANSWER = "the resolver did not answer"
UNREACHABLE = "the resolver could not be reached"
NO_ADDRESS = "it has no address"
