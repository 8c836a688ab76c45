"""Every step that may come next: the protocol of DESIGN, and what the world does to it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.state import Out, Row, Sending, State, Step, Turn, World

Next = tuple[Step, State]


def start(world: World) -> State:
    return State(luck=world.luck)


def steps(world: World, s: State) -> Iterator[Next]:
    yield from _arrivals(world, s)
    yield from _wakes(world, s)
    for number, process in enumerate(s.processes):
        yield from _turns(world, s, number)
        yield from _sends(world, s, number)
        if s.luck.crashes and (any(process) or (number == 0 and s.arriving[0])):
            yield Step("is killed", number, True), _crash(s.spend("crashes"), number)
    yield from _leases(world, s)
    yield from _people(world, s)


# -- in ------------------------------------------------------------------------------------------


def _arrivals(world: World, s: State) -> Iterator[Next]:
    what, stage = s.arriving
    early = not world.rules.commit_before_ack
    if not what:
        news = world.messages[len(s.acked) : len(s.acked) + 1]
        if news:
            yield Step("the provider delivers", news), s._replace(arriving=(news, "came"))
        if s.luck.duplicates:
            for again in s.acked:
                repeated = s.spend("duplicates")._replace(arriving=(again, "came"))
                yield Step("the provider delivers again", again, True), repeated
    elif stage == "came" and not early:
        for lost, stored in _store(world, s, what):
            yield lost, stored._replace(arriving=(what, "stored"))
    elif stage == "came":
        yield Step("acknowledges, not yet stored,", what), _ack(s, what, (what, "acked"))
    elif stage == "stored":
        yield Step("acknowledges", what), _ack(s, what, ("", ""))
    else:
        for lost, stored in _store(world, s, what):
            yield lost, stored._replace(arriving=("", ""))


def _ack(s: State, what: str, arriving: tuple[str, str]) -> State:
    acked = s.acked if what in s.acked else s.acked + what
    return s._replace(acked=acked, arriving=arriving)


def _store(world: World, s: State, what: str) -> Iterator[Next]:
    known = world.rules.known_by_id and any(row.what == what for row in s.inbox)
    after = s if known else s._replace(inbox=(*s.inbox, Row(what)))
    yield Step("commits to the inbox", what), after._replace(woken=True)
    if s.luck.lost_wakes:
        lost = after.spend("lost_wakes")
        yield Step("commits to the inbox, the wake is lost:", what, True), lost


def _wakes(world: World, s: State) -> Iterator[Next]:
    if world.rules.sweeps and not s.woken and _head(s) is not None:
        yield Step("the sweep wakes the lane"), s._replace(woken=True)
    if s.timers:
        fired = s._replace(inbox=(*s.inbox, Row("timer", s.timers[0])), woken=True)
        yield Step("the timer fires"), fired._replace(timers=s.timers[1:])
        if s.luck.crashes and not world.rules.timer_once:
            step = Step("the timer fires, a kill comes before it is deleted", "", True)
            yield step, fired.spend("crashes")


# -- a turn --------------------------------------------------------------------------------------


def _head(s: State) -> int | None:
    return next((number for number, row in enumerate(s.inbox) if not row.end), None)


def _turns(world: World, s: State, number: int) -> Iterator[Next]:
    turn = s.processes[number].turn
    head = _head(s)
    mine = number == 0 or s.processes[0].turn is not None  # one idle process is like another
    if turn is None and mine and s.lock is None and s.woken and head is not None:
        taken = Turn(head, s.epoch, silent=s.person)
        yield (
            Step("locks the lane and takes its head", number),
            s.process(number, turn=taken)._replace(lock=number, woken=False),
        )
    if turn is not None:
        after = _commit(world, s.process(number, turn=None), turn)
        yield Step("commits its turn", number), _release(after, number)
        if s.luck.crashes and not world.rules.one_commit and not s.inbox[turn.row].end:
            lost = _crash(s.spend("crashes").row(turn.row, end="answered"), number)
            yield Step("marks the row handled and is killed before the reply", number, True), lost


def _commit(world: World, s: State, turn: Turn) -> State:
    """One transaction; a loser's changes nothing."""
    row = s.inbox[turn.row]
    if world.rules.fenced and row.end:
        return s
    moved = world.rules.epoch_at_commit and turn.epoch != s.epoch
    if row.what == "timer":
        silent = s.person or (world.rules.epoch_at_commit and row.epoch != s.epoch)
    elif row.what == "agent":
        silent = False
    elif moved and not s.person:
        return s  # the turn is made again from how things stand now
    else:
        silent = turn.silent or moved
    s = s.row(turn.row, end="silent" if silent else "answered")
    if silent:
        return s
    author = "agent" if row.what == "agent" else "bot"
    epoch = s.epoch if world.rules.epoch_at_commit else turn.epoch
    if world.timer and not s.outbox:
        s = s._replace(timers=(epoch,))
    s = s._replace(outbox=(*s.outbox, Out(turn.row, author, epoch)))
    if world.policy != "mailbox":
        return s
    new = len(s.outbox) - 1
    return _arrive(world, s.out(new, state="sent"), new)


def _release(s: State, number: int) -> State:
    """What is left to do wakes the lane again."""
    woken = s.woken or _head(s) is not None
    return s._replace(lock=None if s.lock == number else s.lock, woken=woken)


def _crash(s: State, number: int) -> State:
    """The lock stays, until its lease is over."""
    gone = s.process(number, turn=None, sending=None)
    return gone._replace(arriving=("", "")) if number == 0 else gone


def _leases(world: World, s: State) -> Iterator[Next]:
    if s.lock is not None:
        freed = s._replace(lock=None)
        if s.processes[s.lock].turn is None:
            yield Step("the lock of a dead worker runs out"), freed
        elif s.luck.stalls:
            yield Step("sleeps until its lock is taken away", s.lock, True), freed.spend("stalls")
    for number, out in enumerate(s.outbox):
        if out.state != "sending":
            continue
        holder = _holder(s, number)
        if holder is None:
            yield Step("a cut-off reply is settled: row", str(number)), settle(world, s, number)
        elif s.luck.send_stalls:
            late = settle(world, s.spend("send_stalls"), number)
            yield Step("sleeps in a send until its reply is settled by others", holder, True), late


def _holder(s: State, out: int) -> int | None:
    """The process that has this attempt in its hands."""
    for number, process in enumerate(s.processes):
        mine = process.sending
        if mine is not None and (mine.out, mine.attempt) == (out, s.outbox[out].attempt):
            return number
    return None


# -- out -----------------------------------------------------------------------------------------


def _sends(world: World, s: State, number: int) -> Iterator[Next]:
    mine = s.processes[number].sending
    if mine is None:
        yield from _take(world, s, number)
    elif mine.heard == "":
        yield from _call(world, s, number, mine)
    else:
        after = s.process(number, sending=None)
        yield Step(f"writes that the provider {mine.heard} it", number), _record(world, after, mine)


def _take(world: World, s: State, number: int) -> Iterator[Next]:
    if number > 0 and s.processes[0].sending is None:
        return  # one idle process is like another
    before = s
    while (head := _first(world, s)) is not None:
        out = s.outbox[head]
        if out.state == "sending":
            break
        if world.rules.epoch_at_delivery and out.author == "bot" and out.epoch != s.epoch:
            s = s.out(head, state="discarded")
            continue
        if out.sure:
            s = s._replace(fault="a reply was sent again, though we knew that it had arrived")
        taken = s.out(head, state="sending", attempt=out.attempt + 1)
        sending = Sending(head, out.attempt + 1)
        yield Step("takes a reply to send it", number), taken.process(number, sending=sending)
        return
    if s != before:
        yield Step("finds nothing but replies of an earlier epoch", number), s


def _first(world: World, s: State) -> int | None:
    waiting = ("ready", "sending") if world.rules.in_order else ("ready",)
    return next((number for number, out in enumerate(s.outbox) if out.state in waiting), None)


def _call(world: World, s: State, number: int, mine: Sending) -> Iterator[Next]:
    def heard(after: State, word: str) -> State:
        return after.process(number, sending=mine._replace(heard=word))

    if world.policy == "find" and mine.attempt > 1 and mine.out in s.received:
        yield Step("asks, and the provider has it already", number), heard(s, "took")
        return
    arrived = _arrive(world, s, mine.out)
    yield Step("sends: the provider takes it", number), heard(arrived, "took")
    if s.luck.refusals:
        step = Step("sends: the provider refuses it for now", number, True)
        yield step, heard(s.spend("refusals"), "refused")
    if s.luck.cuts:
        step = Step("sends: the line is cut, and nothing arrived", number, True)
        yield step, heard(s.spend("cuts"), "cut")
        step = Step("sends: the line is cut after the provider took it", number, True)
        yield step, heard(arrived.spend("cuts"), "cut")


def _arrive(world: World, s: State, number: int) -> State:
    out = s.outbox[number]
    if number in s.received:
        if world.policy == "resend":
            return s  # who receives it knows it by its key, and shows it once
        return s._replace(fault="a reply was said twice")
    if out.author == "bot" and out.epoch != s.epoch and number not in s.told:
        s = s._replace(fault="the bot spoke after a person took over, and nobody was told")
    return s._replace(received=(*s.received, number))


def _record(world: World, s: State, mine: Sending) -> State:
    out = s.outbox[mine.out]
    if mine.heard == "took":
        return s.out(mine.out, state="sent", sure=True)
    current = out.state == "sending" and out.attempt == mine.attempt
    if world.rules.result_fenced and not current:
        return s
    if mine.heard == "refused":
        return s.out(mine.out, state="ready")
    return settle(world, s, mine.out)


def settle(world: World, s: State, number: int) -> State:
    """A send that was cut off: ask, send again, or let a person know."""
    if world.policy == "find" and number in s.received:
        return s.out(number, state="sent")
    if world.policy in ("resend", "find"):
        return s.out(number, state="ready", doubt=world.policy == "resend")
    s = s.out(number, state="unsure")._replace(told=s.told | {number})
    return s if s.person else _hand_over(world, s)


# -- people --------------------------------------------------------------------------------------


def _hand_over(world: World, s: State) -> State:
    """What the bot has on its way, or may have, is told to whoever takes the conversation."""
    for number, out in enumerate(s.outbox):
        doubt = out.state == "ready" and out.doubt and world.rules.doubt_told
        if out.author == "bot" and (out.state == "sending" or doubt):
            s = s._replace(told=s.told | {number})
    return _shift(world, s, person=True)


def _shift(world: World, s: State, *, person: bool) -> State:
    """A new epoch: what the bot has ready is called back."""
    s = s._replace(epoch=s.epoch + 1, person=person)
    for number, out in enumerate(s.outbox):
        if out.author == "bot" and out.state == "ready" and world.rules.epoch_at_delivery:
            s = s.out(number, state="discarded")
    return s


def _people(world: World, s: State) -> Iterator[Next]:
    begun = any(row.end for row in s.inbox)
    if begun and not s.person and s.luck.claims:
        yield (
            Step("an agent claims the conversation", "", True),
            _hand_over(world, s.spend("claims")),
        )
    if s.person and s.luck.returns:
        back = _shift(world, s.spend("returns"), person=False)
        yield Step("the agent gives it back to the bot", "", True), back
    if s.person and s.luck.words:
        said = s.spend("words")._replace(inbox=(*s.inbox, Row("agent")), woken=True)
        yield Step("the agent writes", "", True), said
