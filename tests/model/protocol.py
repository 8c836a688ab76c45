"""All steps that may come next: the gateway's protocol, and the mishaps that may happen to it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.state import (
    InboxRow,
    OutboxRow,
    Scenario,
    SendInProgress,
    State,
    Step,
    TurnInProgress,
)

Next = tuple[Step, State]


def start(scenario: Scenario) -> State:
    return State(budget=scenario.budget)


def steps(scenario: Scenario, s: State) -> Iterator[Next]:
    yield from _arrivals(scenario, s)
    yield from _wakes(scenario, s)
    for number, process in enumerate(s.processes):
        yield from _turns(scenario, s, number)
        yield from _sends(scenario, s, number)
        if s.budget.crashes and (any(process) or (number == 0 and s.arriving[0])):
            yield Step("is killed", number, True), _crash(s.spend("crashes"), number)
    yield from _leases(scenario, s)
    yield from _agents(scenario, s)


# -- accepting -------------------------------------------------------------------------------------


def _arrivals(scenario: Scenario, s: State) -> Iterator[Next]:
    what, stage = s.arriving
    early = not scenario.rules.commit_before_ack
    if not what:
        news = scenario.messages[len(s.acked) : len(s.acked) + 1]
        if news:
            yield Step("the provider delivers", news), s._replace(arriving=(news, "came"))
        if s.budget.duplicates:
            for again in s.acked:
                repeated = s.spend("duplicates")._replace(arriving=(again, "came"))
                yield Step("the provider delivers again", again, True), repeated
    elif stage == "came" and not early:
        for lost, stored in _store(scenario, s, what):
            yield lost, stored._replace(arriving=(what, "stored"))
    elif stage == "came":
        yield Step("acknowledges, not yet stored,", what), _ack(s, what, (what, "acked"))
    elif stage == "stored":
        yield Step("acknowledges", what), _ack(s, what, ("", ""))
    else:
        for lost, stored in _store(scenario, s, what):
            yield lost, stored._replace(arriving=("", ""))


def _ack(s: State, what: str, arriving: tuple[str, str]) -> State:
    acked = s.acked if what in s.acked else s.acked + what
    return s._replace(acked=acked, arriving=arriving)


def _store(scenario: Scenario, s: State, what: str) -> Iterator[Next]:
    stored_before = scenario.rules.deduplicated and any(row.what == what for row in s.inbox)
    after = s if stored_before else s._replace(inbox=(*s.inbox, InboxRow(what)))
    yield Step("commits to the inbox", what), after._replace(woken=True)
    if s.budget.lost_wakes:
        lost = after.spend("lost_wakes")
        yield Step("commits to the inbox, the wake is lost:", what, True), lost


def _wakes(scenario: Scenario, s: State) -> Iterator[Next]:
    if scenario.rules.sweeps and not s.woken and _head(s) is not None:
        yield Step("the sweep wakes the lane"), s._replace(woken=True)
    if s.timers:
        fired = s._replace(inbox=(*s.inbox, InboxRow("timer", s.timers[0])), woken=True)
        yield Step("the timer fires"), fired._replace(timers=s.timers[1:])
        if s.budget.crashes and not scenario.rules.timer_once:
            step = Step("the timer fires, a kill comes before it is deleted", "", True)
            yield step, fired.spend("crashes")


# -- a turn --------------------------------------------------------------------------------------


def _head(s: State) -> int | None:
    return next((number for number, row in enumerate(s.inbox) if not row.end), None)


def _turns(scenario: Scenario, s: State, number: int) -> Iterator[Next]:
    turn = s.processes[number].turn
    head = _head(s)
    may_start = number == 0 or s.processes[0].turn is not None  # idle processes are equal
    if turn is None and may_start and s.lock is None and s.woken and head is not None:
        taken = TurnInProgress(head, s.epoch, silent=s.person)
        yield (
            Step("locks the lane and takes its first row", number),
            s.process(number, turn=taken)._replace(lock=number, woken=False),
        )
    if turn is not None:
        after = _commit(scenario, s.process(number, turn=None), turn)
        yield Step("commits its turn", number), _release(after, number)
        if s.budget.crashes and not scenario.rules.one_commit and not s.inbox[turn.row].end:
            lost = _crash(s.spend("crashes").row(turn.row, end="answered"), number)
            yield Step("marks the row handled and is killed before the reply", number, True), lost


def _commit(scenario: Scenario, s: State, turn: TurnInProgress) -> State:
    """One transaction. When it is refused, nothing changes."""
    row = s.inbox[turn.row]
    if scenario.rules.turn_fenced and row.end:
        return s
    moved = scenario.rules.epoch_at_commit and turn.epoch != s.epoch
    if row.what == "timer":
        silent = s.person or (scenario.rules.epoch_at_commit and row.epoch != s.epoch)
    elif row.what == "agent":
        silent = False
    elif moved and not s.person:
        return s  # the turn runs again on the current state
    else:
        silent = turn.silent or moved
    s = s.row(turn.row, end="silent" if silent else "answered")
    if silent:
        return s
    author = "agent" if row.what == "agent" else "bot"
    epoch = s.epoch if scenario.rules.epoch_at_commit else turn.epoch
    if scenario.timer and not s.outbox:
        s = s._replace(timers=(epoch,))
    s = s._replace(outbox=(*s.outbox, OutboxRow(turn.row, author, epoch)))
    if scenario.policy != "mailbox":
        return s
    new = len(s.outbox) - 1
    return _arrive(scenario, s.out(new, state="sent"), new)


def _release(s: State, number: int) -> State:
    """Release the lock. Work that is left wakes the lane again."""
    woken = s.woken or _head(s) is not None
    return s._replace(lock=None if s.lock == number else s.lock, woken=woken)


def _crash(s: State, number: int) -> State:
    """Kill a process. Its lock stays until the lease expires."""
    gone = s.process(number, turn=None, sending=None)
    return gone._replace(arriving=("", "")) if number == 0 else gone


def _leases(scenario: Scenario, s: State) -> Iterator[Next]:
    if s.lock is not None:
        freed = s._replace(lock=None)
        if s.processes[s.lock].turn is None:
            yield Step("the lock of a dead worker expires"), freed
        elif s.budget.stalls:
            yield Step("pauses until its lock has expired", s.lock, True), freed.spend("stalls")
    for number, out in enumerate(s.outbox):
        if out.state != "sending":
            continue
        holder = _holder(s, number)
        if holder is None:
            yield Step("a cut-off reply is settled: row", str(number)), settle(scenario, s, number)
        elif s.budget.send_stalls:
            late = settle(scenario, s.spend("send_stalls"), number)
            yield (
                Step("pauses in a send until another process settles its reply", holder, True),
                late,
            )


def _holder(s: State, out: int) -> int | None:
    """The process that is sending this attempt."""
    for number, process in enumerate(s.processes):
        send = process.sending
        if send is not None and (send.out, send.attempt) == (out, s.outbox[out].attempt):
            return number
    return None


# -- delivery --------------------------------------------------------------------------------------


def _sends(scenario: Scenario, s: State, number: int) -> Iterator[Next]:
    send = s.processes[number].sending
    if send is None:
        yield from _take(scenario, s, number)
    elif send.result == "":
        yield from _call(scenario, s, number, send)
    else:
        after = s.process(number, sending=None)
        yield (
            Step(f"records that the provider {send.result} it", number),
            _record(scenario, after, send),
        )


def _take(scenario: Scenario, s: State, number: int) -> Iterator[Next]:
    if number > 0 and s.processes[0].sending is None:
        return  # idle processes are equal
    before = s
    while (head := _first(scenario, s)) is not None:
        out = s.outbox[head]
        if out.state == "sending":
            break
        if scenario.rules.epoch_at_delivery and out.author == "bot" and out.epoch != s.epoch:
            s = s.out(head, state="discarded")
            continue
        if out.known_sent:
            s = s._replace(violation="a reply was sent again after it was recorded as sent")
        taken = s.out(head, state="sending", attempt=out.attempt + 1)
        sending = SendInProgress(head, out.attempt + 1)
        yield Step("takes a reply to send it", number), taken.process(number, sending=sending)
        return
    if s != before:
        yield Step("finds only replies of an earlier epoch", number), s


def _first(scenario: Scenario, s: State) -> int | None:
    waiting = ("ready", "sending") if scenario.rules.in_order else ("ready",)
    return next((number for number, out in enumerate(s.outbox) if out.state in waiting), None)


def _call(scenario: Scenario, s: State, number: int, send: SendInProgress) -> Iterator[Next]:
    def with_result(after: State, word: str) -> State:
        return after.process(number, sending=send._replace(result=word))

    if scenario.policy == "find" and send.attempt > 1 and send.out in s.received:
        yield Step("asks, and the provider has it", number), with_result(s, "took")
        return
    arrived = _arrive(scenario, s, send.out)
    yield Step("sends: the provider takes it", number), with_result(arrived, "took")
    if s.budget.refusals:
        step = Step("sends: the provider refuses it for now", number, True)
        yield step, with_result(s.spend("refusals"), "refused")
    if s.budget.cuts:
        step = Step("sends: the connection breaks, and nothing arrived", number, True)
        yield step, with_result(s.spend("cuts"), "cut")
        step = Step("sends: the connection breaks after the provider took it", number, True)
        yield step, with_result(arrived.spend("cuts"), "cut")


def _arrive(scenario: Scenario, s: State, number: int) -> State:
    out = s.outbox[number]
    if number in s.received:
        if scenario.policy == "resend":
            return s  # the receiver recognises its key and shows it once
        return s._replace(violation="a reply arrived twice")
    if out.author == "bot" and out.epoch != s.epoch and number not in s.reported:
        s = s._replace(
            violation="a bot reply was sent after a person took over, and nobody was told"
        )
    return s._replace(received=(*s.received, number))


def _record(scenario: Scenario, s: State, send: SendInProgress) -> State:
    out = s.outbox[send.out]
    if send.result == "took":
        return s.out(send.out, state="sent", known_sent=True)
    current = out.state == "sending" and out.attempt == send.attempt
    if scenario.rules.result_fenced and not current:
        return s
    if send.result == "refused":
        return s.out(send.out, state="ready")
    return settle(scenario, s, send.out)


def settle(scenario: Scenario, s: State, number: int) -> State:
    """Decide about a send that was cut off: ask the provider, send again, or tell a person."""
    if scenario.policy == "find" and number in s.received:
        return s.out(number, state="sent")
    if scenario.policy in ("resend", "find"):
        return s.out(number, state="ready", may_have_arrived=scenario.policy == "resend")
    s = s.out(number, state="unsure")._replace(reported=s.reported | {number})
    return s if s.person else _hand_over(scenario, s)


# -- people --------------------------------------------------------------------------------------


def _hand_over(scenario: Scenario, s: State) -> State:
    """Tell the agent which bot replies are being sent or may have arrived, and hand over."""
    for number, out in enumerate(s.outbox):
        may_have_arrived = (
            out.state == "ready" and out.may_have_arrived and scenario.rules.late_replies_reported
        )
        if out.author == "bot" and (out.state == "sending" or may_have_arrived):
            s = s._replace(reported=s.reported | {number})
    return _shift(scenario, s, person=True)


def _shift(scenario: Scenario, s: State, *, person: bool) -> State:
    """Begin a new epoch and discard the replies that the bot has ready."""
    s = s._replace(epoch=s.epoch + 1, person=person)
    for number, out in enumerate(s.outbox):
        if out.author == "bot" and out.state == "ready" and scenario.rules.epoch_at_delivery:
            s = s.out(number, state="discarded")
    return s


def _agents(scenario: Scenario, s: State) -> Iterator[Next]:
    begun = any(row.end for row in s.inbox)
    if begun and not s.person and s.budget.claims:
        yield (
            Step("an agent claims the conversation", "", True),
            _hand_over(scenario, s.spend("claims")),
        )
    if s.person and s.budget.returns:
        back = _shift(scenario, s.spend("returns"), person=False)
        yield Step("the agent hands it back to the bot", "", True), back
    if s.person and s.budget.agent_messages:
        said = s.spend("agent_messages")._replace(inbox=(*s.inbox, InboxRow("agent")), woken=True)
        yield Step("the agent writes", "", True), said
