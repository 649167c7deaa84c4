"""Names: examples, and properties of any name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_snake_case.errors import CollisionError
from mapper_snake_case.naming import LONGEST, renamed, snake_case

WORDS = st.sampled_from(
    [
        "vat",
        "Rate",
        "SIREN",
        "IDs",
        "2",
        "é",
        "Œuvre",
        "_",
        " ",
        "%",
        "客户",
        "Имя",
        "हि",
        "💰",
        "İ",
    ]
)
NAMES = st.one_of(st.text(), st.lists(WORDS, max_size=30).map("".join))
ALIKE = st.lists(st.sampled_from(["vat", "Vat", "VAT", "_", " ", "rate", "Rate", "é"]), max_size=4)
SIDE_BY_SIDE = st.sets(st.one_of(NAMES, ALIKE.map("".join)), max_size=20)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vatRate", "vat_rate"),
        ("SIRENNumber", "siren_number"),
        ("invoiceIDs", "invoice_ids"),
        ("URLsList", "urls_list"),
        ("getHTTPResponseCode", "get_http_response_code"),
        ("IBAN", "iban"),
        ("address2Line", "address2_line"),
        ("iso2Code", "iso2_code"),
        ("B2BCustomer", "b2b_customer"),
        ("UTF8Name", "utf8_name"),
        ("Unit_Price", "unit_price"),
        ("customer.vat-number", "customer_vat_number"),
        ("Montant TTC (€)", "montant_ttc_euro"),
        ("Taux %", "taux_percent"),
        ("R&D", "r_and_d"),
        ("Invoice #", "invoice_number"),
        ("Débit/Crédit", "debit_credit"),
        ("Date d’échéance", "date_d_echeance"),  # noqa: RUF001 - as people write it
        ("De\u0301bit", "debit"),
        ("Œuvre", "oeuvre"),
        ("ŒUVRE", "oeuvre"),
        ("Straße", "strasse"),
        ("ＶＡＴRate", "vat_rate"),  # noqa: RUF001 - full width
        ("ﬁnance", "finance"),
        ("2024Total", "_2024_total"),
        ("客户Name", "客户_name"),
        ("номерСчёта", "номер_счёта"),
        ("हिन्दी", "हिन्दी"),
        ("が", "が"),
        ("", "column_e3b0c4"),
        ("💰", "column_d50cec"),
    ],
)
def test_names_become_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    "name", ["vat_rate", "a__b", "select", "_sdc_deleted_at", "_id", "__typename", "iso2code"]
)
def test_names_that_are_snake_case_stay(name: str) -> None:
    assert snake_case(name) == name


def test_long_names_keep_their_difference() -> None:
    first, second = snake_case("montant" * 10 + "HT"), snake_case("montant" * 10 + "TTC")
    assert first != second
    assert first[:54] == second[:54] == ("montant" * 10)[:54]
    assert len(first) == len(second) == LONGEST
    assert len(snake_case("客" * 40).encode()) <= LONGEST


@given(NAMES)
def test_any_name_becomes_one_that_stays(name: str) -> None:
    once = snake_case(name)
    assert once
    assert snake_case(once) == once
    assert len(once.encode()) <= LONGEST
    assert not any(character.isspace() for character in once)
    assert all(
        character == "_" or unicodedata.category(character)[0] in "LNMC" for character in once
    )
    if not once.startswith("_sdc_"):
        assert not {"Lu", "Nd"} & {unicodedata.category(once[0])}


@given(st.text(st.characters(categories=["Lo"]), min_size=1, max_size=10))
def test_letters_without_case_survive(name: str) -> None:
    # Some of them are abbreviations of several words.
    assert snake_case(name) == unicodedata.normalize("NFKC", name).replace(" ", "_")


@given(SIDE_BY_SIDE)
def test_never_two_into_one(names: set[str]) -> None:
    found = renamed(names)
    assert found.keys() == names
    assert len(set(found.values())) == len(names)
    assert renamed(sorted(names, reverse=True)) == found
    # The result is stable, so that a second mapper changes nothing.
    assert renamed(found.values()) == {name: name for name in found.values()}
    assert all(found[name] == name for name in names if snake_case(name) == name)


@given(SIDE_BY_SIDE, st.sets(ALIKE.map("".join).map(snake_case), max_size=5))
def test_names_that_are_taken_are_not_given_again(names: set[str], taken: set[str]) -> None:
    assert not taken & set(renamed(names, taken).values())


def test_the_name_that_is_snake_case_keeps_it() -> None:
    found = renamed(["VatRate", "vat_rate", "vatRate"])
    assert found == {
        "vat_rate": "vat_rate",
        "vatRate": "vat_rate_4fed2e",
        "VatRate": "vat_rate_1ac36c",
    }
    # A suffix that a column already has is lengthened.
    assert renamed([*found, "vat_rate_4fed2e"])["vatRate"].startswith("vat_rate_4fed2e")
    assert len(set(renamed([*found, "vat_rate_4fed2e"]).values())) == 4


def test_collisions_are_refused_by_name() -> None:
    with pytest.raises(
        CollisionError, match="'VatRate' and 'vatRate' would each become 'vat_rate'"
    ):
        renamed(["vatRate", "VatRate"], fail=True)
