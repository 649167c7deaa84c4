-- The file of accounting entries (fichier des écritures comptables) in the 18 columns of article A47 A-1
-- of the Livre des procédures fiscales, in their order, with typed dates and amounts.
with line as (
    select
        *,
        -- Accounts of individual customers and suppliers, but not 411 and 401 themselves.
        account_number ~ '^(401|411)' and rtrim(account_number, '0') not in ('401', '411')
            as is_auxiliary
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
),

-- Only entries with lines are numbered: one without lines would leave a gap.
numbered as (
    select
        entry.company_id,
        entry.id,
        fiscal_year.status in ('closed', 'frozen') as is_closed,
        row_number() over (
            partition by entry.company_id, fiscal_year.start_date order by entry.date, entry.id
        ) as number
    from (
        select company_id, ledger_entry_id as id, min(date) as date
        from {{ ref('stg_pennylane__ledger_entry_lines') }}
        group by company_id, ledger_entry_id
    ) as entry
    left join {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
        on fiscal_year.company_id = entry.company_id
        and entry.date between fiscal_year.start_date and fiscal_year.end_date
)

select
    line.company_id,
    line.company_name,
    journal.journal_code as "JournalCode",
    journal.journal_label as "JournalLib",
    numbered.number as "EcritureNum",
    line.date as "EcritureDate",
    case when line.is_auxiliary then left(line.account_number, 3) else line.account_number end
        as "CompteNum",
    case
        when not line.is_auxiliary then coalesce(account.account_label, line.account_number)
        when line.account_number like '401%' then 'Fournisseurs'
        else 'Clients'
    end as "CompteLib",
    case when line.is_auxiliary then line.account_number end as "CompAuxNum",
    case when line.is_auxiliary then coalesce(account.account_label, line.account_number) end
        as "CompAuxLib",
    coalesce(nullif(entry.piece_number, ''), numbered.number::text) as "PieceRef",
    line.date as "PieceDate",
    coalesce(nullif(line.line_label, ''), nullif(entry.entry_label, ''), journal.journal_label)
        as "EcritureLib",
    line.debit as "Debit",
    line.credit as "Credit",
    lettering.code as "EcritureLet",
    lettering.date as "DateLet",
    case when entry.status = 'complete' or numbered.is_closed then line.date end as "ValidDate",
    null::numeric as "Montantdevise",
    null::text as "Idevise"
from line
left join numbered on numbered.company_id = line.company_id and numbered.id = line.ledger_entry_id
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = line.company_id and entry.id = line.ledger_entry_id
left join {{ ref('stg_pennylane__journals') }} as journal
    on journal.company_id = line.company_id and journal.id = line.journal_id
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
left join lateral (
    -- The API does not say when: not before the latest of the lines that are lettered together.
    select
        'L' || least(line.id, min(other.id)) as code,
        greatest(line.date, max(other.date)) as date
    from jsonb_array_elements_text(line.lettered_ledger_entry_lines_ids) as lettered (id)
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as other
        on other.company_id = line.company_id and other.id = lettered.id::bigint
    having count(*) > 0
) as lettering on true
