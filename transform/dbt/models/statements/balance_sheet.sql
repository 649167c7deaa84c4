-- The balance sheet (bilan) by line, at the end of every month and of every fiscal year.
select
    company_id,
    company_name,
    fiscal_year_start,
    fiscal_year_end,
    as_of,
    side,
    position,
    section_fr,
    section_en,
    line,
    label_fr,
    label_en,
    sum(gross) as gross,
    sum(depreciation) as depreciation,
    sum(net) as net,
    sum(previous_net) as previous_net
from {{ ref('balance_sheet_by_account') }}
-- Sorted by what differs first: rows are compared by few of these.
group by
    company_id, as_of, line, fiscal_year_start, fiscal_year_end, company_name, side, position, section_fr, section_en,
    label_fr, label_en
