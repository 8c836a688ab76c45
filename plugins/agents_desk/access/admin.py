"""Administration: changes to accounts, from the page Users or the command line."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import AuditLog, Json, NotFound, WarmlineError
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import (
    ROLES,
    UNUSED_HASH,
    AccountUpdate,
    DeskAccount,
    DeskAccounts,
    desk_agent,
    hash_password,
    may,
)
from plugins.agents_desk.settings import DeskUser, Role


@dataclass(kw_only=True)
class AccountManager:
    """Changes accounts, from the page Users or the command line, and records it in the audit log.

    ``by`` is who makes the change. Every method raises WarmlineError with what is wrong. With
    ``keep_admin`` nobody can take the last admin away who may sign in; the command line may, for
    it can also make one.
    """

    accounts: DeskAccounts
    audit: AuditLog
    data: PersonData
    keep_admin: bool = False

    async def add(
        self,
        by: str,
        name: str,
        password: str,
        *,
        role: str = "agent",
        display_name: str = "",
        tier: str = "front",
        skills: tuple[str, ...] = (),
        brands: tuple[str, ...] = (),
    ) -> None:
        check_name(name, display_name)
        password_hash = hash_password(password)
        account = DeskAccount(
            name=name,
            agent=desk_agent(name, display_name, tier=tier, skills=skills, brands=brands),
            role=parse_role(role),
            password_hash=password_hash,
        )
        await self.accounts.add(account)
        await self._record(by, "user_added", account, f"as {role}")

    async def set_role(self, by: str, name: str, role: str) -> None:
        new = parse_role(role)
        await self._change(by, name, "user_changed", lambda a: a.replace(role=new), f"role {role}")

    async def set_brands(self, by: str, name: str, brands: tuple[str, ...]) -> None:
        """Limit the person to ``brands``; none: they see all."""
        await self._change(
            by,
            name,
            "user_changed",
            lambda a: a.replace(agent=a.agent.replace(brands=brands)),
            f"brands {', '.join(brands) or 'all'}",
        )

    async def lock(self, by: str, name: str) -> None:
        """Sign the person out everywhere and refuse later sign-ins."""
        await self._change(by, name, "user_locked", lambda a: a.replace(locked=True, era=a.era + 1))

    async def unlock(self, by: str, name: str) -> None:
        await self._change(
            by, name, "user_unlocked", lambda a: a.replace(locked=False, era=a.era + 1)
        )

    async def set_password(self, by: str, name: str, password: str) -> None:
        """Also signs the person out everywhere: somebody else may know the old password."""
        new = hash_password(password)
        await self._change(
            by,
            name,
            "user_changed",
            lambda a: a.replace(password_hash=new, era=a.era + 1),
            "password",
        )

    async def reset_second_factor(self, by: str, name: str) -> None:
        """Remove the person's second factor, for example when the phone is lost, and sign them
        out everywhere."""
        await self._change(
            by,
            name,
            "second_factor_removed",
            lambda a: a.replace(second_factor=None, era=a.era + 1),
        )

    async def sign_out(self, by: str, name: str) -> None:
        """End all sessions of the person."""
        await self._change(by, name, "signed_out_everywhere", lambda a: a.replace(era=a.era + 1))

    async def remove(self, by: str, name: str) -> None:
        """Remove the account and everything that the desk stores about the person."""
        if (before := await self.accounts.find(name)) is not None and not before.fixed:
            await self._change_account(name, lambda a: a.replace(locked=True, era=a.era + 1))
        try:
            account = await self.accounts.remove(name)
        except NotFound:
            if not await self.data.erase(name):
                raise
            return
        await self.data.erase(name, account.agent.id if account else "")
        if account is not None:
            await self._record(by, "user_removed", account)

    async def export(self, by: str, name: str) -> dict[str, Json]:
        """Everything that the desk stores about the person. Raises NotFound."""
        exported = await self.data.export(name)
        await self.audit.record(by, "exported", detail=desk_agent(name).id)
        return exported

    async def _change(
        self, by: str, name: str, what: str, update: AccountUpdate, detail: str = ""
    ) -> None:
        await self._record(by, what, await self._change_account(name, update), detail)

    async def _change_account(self, name: str, update: AccountUpdate) -> DeskAccount:
        """Two admins who lock each other at the same moment both find none left, and both take it
        back."""
        before = await self.accounts.find(name)
        after = await self.accounts.change(name, update)
        ends = before is not None and _is_admin(before) and not _is_admin(after)
        if self.keep_admin and ends and not any(map(_is_admin, await self.accounts.all())):
            await self.accounts.change(name, lambda a: a.replace(locked=False, role="admin"))
            raise WarmlineError("the desk would have no admin left; make somebody one first")
        return after

    async def _record(self, by: str, what: str, account: DeskAccount, detail: str = "") -> None:
        await self.audit.record(by, what, detail=f"{account.agent.id} {detail}".strip())


def _is_admin(account: DeskAccount) -> bool:
    """Whether this person may sign in and manage users."""
    return may(account.role, "manage") and not account.locked


def check_name(name: str, display_name: str = "") -> None:
    """Raises WarmlineError for a name that no user of the settings may have."""
    account = {"name": name, "password_hash": UNUSED_HASH, "display_name": display_name or None}
    try:
        DeskUser.model_validate(account)
    except ValueError:
        rule = (
            "a name has at most 64 letters, digits and . _ @ -, and starts with a letter or "
            "digit; a display name has at most 80 characters"
        )
        raise WarmlineError(rule) from None


def check_repeated(password: str, again: object) -> None:
    """Raises WarmlineError when the two differ: nobody reads what they type."""
    if password != again:
        raise WarmlineError("the two passwords differ")


def parse_role(text: str) -> Role:
    for role in ROLES:
        if text == role:
            return role
    raise WarmlineError(f"there is no role {text!r}; the roles are {', '.join(ROLES)}")
