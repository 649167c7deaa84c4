-- The file of accounting entries (fichier des écritures comptables) in the 18 columns of article A47 A-1
-- of the Livre des procédures fiscales, in their order, with typed dates and amounts.
with party as (
    select
        party.company_id,
        party.ledger_account_id,
        max(party.kind) as kind,
        min(party.name) as name
    from (
        select company_id, ledger_account_id, 'Clients' as kind, customer_name as name
        from {{ ref('stg_pennylane__customers') }}
        union all
        select company_id, ledger_account_id, 'Fournisseurs' as kind, supplier_name as name
        from {{ ref('stg_pennylane__suppliers') }}
    ) as party
    where party.ledger_account_id is not null
    group by party.company_id, party.ledger_account_id
),

-- The accounts that the auxiliary ones belong to.
general as (
    select company_id, left(account_number, 3) as number, min(account_label) as label
    from {{ ref('stg_pennylane__ledger_accounts') }}
    where rtrim(account_number, '0') = left(account_number, 3)
    group by company_id, left(account_number, 3)
)

select
    line.company_id,
    line.company_name,
    entry.fiscal_year_start,
    entry.fiscal_year_end,
    journal.journal_code as "JournalCode",
    journal.journal_label as "JournalLib",
    entry.number as "EcritureNum",
    line.date as "EcritureDate",
    case when party.kind is null then line.account_number else left(line.account_number, 3) end
        as "CompteNum",
    case
        when party.kind is null then coalesce(account.account_label, line.account_number)
        else coalesce(general.label, party.kind)
    end as "CompteLib",
    case when party.kind is not null then line.account_number end as "CompAuxNum",
    case when party.kind is not null then coalesce(account.account_label, party.name, line.account_number) end
        as "CompAuxLib",
    coalesce(nullif(trim(document.invoice_number), ''), nullif(trim(document.piece_number), ''), entry.number::text)
        as "PieceRef",
    line.date as "PieceDate",
    coalesce(nullif(line.line_label, ''), nullif(document.entry_label, ''), journal.journal_label)
        as "EcritureLib",
    line.debit as "Debit",
    line.credit as "Credit",
    lettering.code as "EcritureLet",
    lettering.date as "DateLet",
    case when document.status = 'complete' or fiscal_year.status in ('closed', 'frozen') then line.date end
        as "ValidDate",
    null::numeric as "Montantdevise",
    null::text as "Idevise",
    entry.is_opening,
    line.ledger_entry_id,
    line.id as ledger_entry_line_id
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
inner join {{ ref('fec_entries') }} as entry
    on entry.company_id = line.company_id and entry.ledger_entry_id = line.ledger_entry_id
left join {{ ref('stg_pennylane__ledger_entries') }} as document
    on document.company_id = line.company_id and document.id = line.ledger_entry_id
left join {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
    on fiscal_year.company_id = line.company_id and fiscal_year.end_date = entry.fiscal_year_end
left join {{ ref('stg_pennylane__journals') }} as journal
    on journal.company_id = line.company_id and journal.id = line.journal_id
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
left join party
    on party.company_id = line.company_id
    and party.ledger_account_id = line.ledger_account_id
    -- Not the account that all customers or suppliers share.
    and rtrim(line.account_number, '0') <> left(line.account_number, 3)
left join general
    on general.company_id = line.company_id and general.number = left(line.account_number, 3)
left join lateral (
    -- The API does not say when: not before the latest of the lines that are lettered together.
    select
        'L' || least(line.id, min(other.id)) as code,
        greatest(line.date, max(other.date)) as date
    from jsonb_array_elements_text(line.lettered_ledger_entry_lines_ids) as lettered (id)
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as other
        on other.company_id = line.company_id and other.id = lettered.id::bigint
    where line.lettered_ledger_entry_lines_ids <> '[]'
    having count(*) > 0
) as lettering on true
