"""suggestion.requested → trial.created × n | experiment.finished: search for the free slots, create their Trials."""

from events.envelope import Event
from events.suggestion import SuggestionRequested
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Offload, Stores
from functions.suggestion.applying import announce_own, apply_answer, apply_failure
from functions.suggestion.history_cache import HistoryCache
from functions.suggestion.searching import SearchError, claim_search, search


async def handle(
    event: SuggestionRequested, *, stores: Stores, histories: HistoryCache, offload: Offload, limits: Limits
) -> list[Event]:
    """Claim the search, search without a transaction, apply the answer fenced by the claim."""
    async with stores.begin() as store:
        claim = await claim_search(event, store, histories, limits)
        if claim is None:
            return await announce_own(event, store)
    histories.put(claim.uid, claim.request.history)
    try:
        answer = await offload(lambda: search(claim))
    except SearchError as error:
        return await apply_failure(event, claim, error, stores, limits)
    return await apply_answer(event, claim, answer, stores, limits)


lambda_handler = lambda_entry(handle)
