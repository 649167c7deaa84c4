-- One row per bank transaction, with how far it is matched with invoices. A fee or a transfer that is booked
-- correctly has no invoice: bank_reconciliation compares the bank with the ledger.
select
    movement.company_id,
    movement.company_name,
    movement.date,
    account.bank_account_name,
    bank.bank_name,
    movement.transaction_label,
    movement.amount,
    movement.currency,
    movement.currency_amount,
    case when movement.amount < 0 then 'out' else 'in' end as direction,
    case
        when movement.outstanding_balance is null then 'unknown'
        when movement.outstanding_balance = 0 then 'matched'
        when movement.outstanding_balance in (movement.amount, movement.currency_amount)
            then 'unmatched'
        else 'partially matched'
    end as invoice_matching,
    movement.outstanding_balance as amount_without_invoice,
    movement.attachment_required,
    customer.customer_name,
    supplier.supplier_name,
    movement.interbank_code,
    movement.archived_at is not null as is_archived,
    movement.id as transaction_id,
    movement.bank_account_id,
    movement.journal_id,
    movement.customer_id,
    movement.supplier_id
from {{ ref('stg_pennylane__transactions') }} as movement
left join {{ ref('stg_pennylane__bank_accounts') }} as account
    on account.company_id = movement.company_id and account.id = movement.bank_account_id
left join {{ ref('stg_pennylane__bank_establishments') }} as bank
    on bank.company_id = account.company_id and bank.id = account.bank_establishment_id
left join {{ ref('stg_pennylane__customers') }} as customer
    on customer.company_id = movement.company_id and customer.id = movement.customer_id
left join {{ ref('stg_pennylane__suppliers') }} as supplier
    on supplier.company_id = movement.company_id and supplier.id = movement.supplier_id
