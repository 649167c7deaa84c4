"""Who a company is: what the API says of it, besides its books."""

from dataclasses import dataclass

from pennylane_sandbox.chance import generator
from pennylane_sandbox.company.parties import address, company_name
from pennylane_sandbox.model import Json

_FIRST_ID = 10_000_000
_SEEDS_OF_A_FIRM = 100_000
_ACTIVITIES = ("47.11F", "62.02A", "43.21A", "56.10A", "69.20Z", "10.71C")
# Coprime, so that no two companies of a firm have the same number.
_SIRENS, _STEP = 60_000_000, 104_729


@dataclass(frozen=True, slots=True)
class Profile:
    """A company's identity; `seed` determines its books."""

    id: int
    seed: int
    name: str
    siren: str
    more: Json

    def shown(self) -> Json:
        """Show the company as the Firm API does."""
        return {
            "id": self.id,
            "name": self.name,
            "billing_company_name": self.name.upper(),
            "siren": self.siren,
            **self.more,
        }


def of_the_only_company(seed: int) -> Profile:
    """Return who the company is that the sandbox serves without a firm."""
    return Profile(_FIRST_ID + seed, seed, "Société Générique du Bac à Sable", "732829320", {})


def of_a_client(firm_seed: int, place: int) -> Profile:
    """Make up the client of an accounting firm at this place, counted from 1.

    The first one has the books of the company that the sandbox serves without a firm.
    """
    seed = firm_seed if place == 1 else firm_seed * _SEEDS_OF_A_FIRM + place
    rng = generator("profile", seed)
    number = f"{30_000_000 + (firm_seed * 7_919 + place * _STEP) % _SIRENS}"
    home = address(rng)
    more = {
        "address": home["address"],
        "city": home["city"],
        "postal_code": home["postal_code"],
        "activity_nomenclature": "NAFRev2",
        "activity_code": rng.choice(_ACTIVITIES),
        "external_id": f"dossier-{seed}",
        "client_code": f"CL{place:04}",
    }
    siren = number + _check_digit(number)
    return Profile(_FIRST_ID + seed, seed, company_name(rng), siren, more)


def _check_digit(number: str) -> str:
    """Return the digit that completes a SIREN (Luhn's algorithm)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(number)]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
